"""How every answer looks and who may ask: the foundation that the areas share. No models, no urls, no views."""
