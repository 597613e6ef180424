# objstore with what it needs from the lock file, as a user without rights.
FROM python:3.12-slim AS build
WORKDIR /src
COPY requirements.lock pyproject.toml README.md LICENSE ./
COPY objstore objstore
COPY migrations migrations
RUN python -m venv /opt/objstore \
 && /opt/objstore/bin/pip install --no-cache-dir --require-hashes -r requirements.lock \
 && /opt/objstore/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.12-slim
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin objstore \
 && install -d -o objstore -g objstore -m 0700 /data /drives
COPY --from=build /opt/objstore /opt/objstore
USER objstore
ENV PATH=/opt/objstore/bin:$PATH OBJSTORE_DATA=/data OBJSTORE_HOST=0.0.0.0 OBJSTORE_PORT=9000
VOLUME /data
EXPOSE 9000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:9000/-/health/ready', timeout=4)"]
CMD ["objstore", "serve"]
