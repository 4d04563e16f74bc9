DATETIME_FORMAT = "Y-m-d H:i e"
# Django groups none of a Chinese number's digits.
THOUSAND_SEPARATOR = ","
NUMBER_GROUPING = 3
