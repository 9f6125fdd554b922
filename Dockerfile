# The service as an image, without a database; docker-compose.yml adds PostGIS.
# Where this was written there was no container engine: the steps were tried one by one, the build as a whole was not.

FROM node:22-slim AS pages
WORKDIR /pages
COPY maps/vendor/package.json maps/vendor/package-lock.json maps/vendor/assets.mjs ./
RUN npm ci --ignore-scripts --no-audit --no-fund && npm run assets

FROM python:3.12-slim-bookworm AS build
WORKDIR /source
RUN python -m venv /opt/gis-service
COPY requirements.txt ./
RUN /opt/gis-service/bin/pip install --no-cache-dir --require-hashes -r requirements.txt
COPY . .
COPY --from=pages /pages/assets maps/vendor/assets
RUN /opt/gis-service/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.12-slim-bookworm
# The font is for the printed sheets; the pages use the reader's own. The client's programs make backups.
RUN apt-get update \
  && apt-get install --yes --no-install-recommends fonts-noto-cjk postgresql-client \
  && rm -rf /var/lib/apt/lists/* \
  && useradd --system --create-home --home-dir /var/lib/gis-service gis \
  && install -d -o gis /var/lib/gis-backups
COPY --from=build /opt/gis-service /opt/gis-service
ENV PATH=/opt/gis-service/bin:$PATH PYTHONUNBUFFERED=1 GIS_DATA_DIR=/var/lib/gis-service/data
USER gis
WORKDIR /var/lib/gis-service
EXPOSE 8000
# With a certificate it speaks HTTPS; whose the certificate is doesn't matter to this machine itself.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
  CMD ["python", "-c", "import os, ssl, urllib.request; s = 's' * os.path.exists(os.environ['GIS_DATA_DIR'] + '/tls/server.pem'); urllib.request.urlopen(f\"http{s}://127.0.0.1:{os.environ.get('GIS_PORT', '8000')}/healthz\", timeout=4, context=ssl._create_unverified_context() if s else None)"]
ENTRYPOINT ["gis-service"]
CMD ["serve"]
