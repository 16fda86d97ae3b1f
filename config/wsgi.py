import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# The connection pool is for web processes only: workers hold one plain connection each.
os.environ.setdefault("TANDEM_PROCESS", "web")

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
