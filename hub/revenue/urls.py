from django.urls import path

from hub.revenue import views

app_name = "revenue"
urlpatterns = [
    path("set-up/products/", views.products, name="products"),
    path("set-up/products/ranks/", views.ranks, name="ranks"),
    path("set-up/products/entitlements/", views.entitlement, name="entitlement"),
    path(
        "set-up/products/entitlements/<uuid:entitlement_id>/remove/",
        views.entitlement_remove,
        name="entitlement_remove",
    ),
    path("set-up/currencies/", views.currencies, name="currencies"),
    path("set-up/currencies/rates/", views.rate, name="rate"),
    path("set-up/currencies/rates/<uuid:fx_rate_id>/remove/", views.rate_remove, name="rate_remove"),
]
