"""Django's own WSGI handler: ordinary REST and the admin site run in it, inside the ASGI process (see asgi.py).

Whatever serves imports this file, and no command does.
"""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatplatform.settings")
application = get_wsgi_application()

from chatplatform.core.timeouts import bound_statements  # noqa: E402

bound_statements()
