# The image holds the code and its virtual environment, and nothing that builds or tests them.
# How to run it: docs/operations.md#container

FROM python:3.11-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /opt/sage
# By itself first: the layer is built anew only when a requirement changes.
COPY requirements.txt ./
RUN ["python", "-m", "venv", "/opt/venv"]
RUN ["/opt/venv/bin/python", "-m", "pip", "install", "--no-input", "-r", "requirements.txt"]
COPY manage.py ./
COPY sage_platform ./sage_platform
COPY providers ./providers
COPY system ./system
COPY versions ./versions
COPY uploads ./uploads
COPY observability ./observability
# Compiled here, since nothing can be written there.
RUN ["/opt/venv/bin/python", "-m", "compileall", "-q", "-j", "0", "/opt/sage", "/opt/venv/lib"]

FROM python:3.11-slim
RUN ["useradd", "--uid", "10001", "--user-group", "--no-create-home", "--home-dir", "/data", "--shell", "/usr/sbin/nologin", "sage"]
COPY --from=build /opt/venv /opt/venv
COPY --from=build /opt/sage /opt/sage
RUN ["install", "-d", "-o", "sage", "-g", "sage", "-m", "0700", "/data"]
WORKDIR /opt/sage
ENV PATH=/opt/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOME=/data
ENV SAGE_ENV=production SAGE_BIND=0.0.0.0 SAGE_PORT=8000 SAGE_DATA_DIR=/data
USER 10001:10001
# All that is ever written, with SQLite and uploads on the disk; with PostgreSQL and S3 next to nothing.
VOLUME ["/data"]
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ['SAGE_PORT'] + '/active', timeout=2)"]
# `exec` puts the server in the shell's place, so that SIGTERM reaches it.
CMD ["sh", "-c", "python manage.py bootstrap && exec python manage.py serve"]
