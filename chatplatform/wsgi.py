"""Django's own WSGI handler: ordinary REST and the admin site run in it, inside the ASGI process (see asgi.py)."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatplatform.settings")
application = get_wsgi_application()
