"""The provider routes, under /api."""

from django.urls import URLPattern, path

from providers.views import ProbeViewSet, ProviderViewSet

urlpatterns: list[URLPattern] = [
    path("llm-provider/verify", ProbeViewSet.as_view({"post": "verify"})),
    path("llm-provider/verify-capabilities", ProbeViewSet.as_view({"post": "verify_capabilities"})),
    path("llm-provider/verify-capabilities/<str:provider_id>", ProbeViewSet.as_view({"post": "verify_stored"})),
    path("llm-provider/verify-multimodal", ProbeViewSet.as_view({"post": "verify_multimodal"})),
    path("llm-provider/models", ProbeViewSet.as_view({"get": "models_of_stored", "post": "models"})),
    path("llm-provider/list", ProviderViewSet.as_view({"get": "index"})),
    path("llm-provider/create", ProviderViewSet.as_view({"post": "create"})),
    path("llm-provider/update/<str:provider_id>", ProviderViewSet.as_view({"put": "update"})),
    path("llm-provider/delete/<str:provider_id>", ProviderViewSet.as_view({"delete": "destroy"})),
]
