# The image of Keyhatch. docs/container.md says how it is built, run and hardened.
#
#   docker build -t keyhatch .
#   docker build -t keyhatch --build-arg EXTRA=otel .      with OpenTelemetry, see docs/tracing.md
#
# Both stages stand on the same base, since the second takes over a virtual environment that the first made.
# Whoever reaches the package index by a configuration of pip's own hands it in as a secret: it is there while
# pip runs and in no layer afterwards.   --secret id=pip.conf,src=$HOME/.config/pip/pip.conf

ARG BASE=python:3.13-slim

FROM ${BASE} AS build
WORKDIR /build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
RUN python -m venv tools && python -m venv --without-pip /opt/keyhatch
COPY requirements/ requirements/
ARG EXTRA=
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    tools/bin/pip --quiet install --require-hashes --only-binary :all: -r requirements/build.txt && \
    tools/bin/pip --quiet --python /opt/keyhatch/bin/python install --no-compile --require-hashes \
        --only-binary :all: -r requirements/run.txt ${EXTRA:+-r requirements/${EXTRA}.txt}
COPY pyproject.toml README.md LICENSE ./
COPY release/readme.py release/
COPY gateway/ gateway/
# Compiled here: where the root is read-only, and owned by another, nobody could keep it later. Unchecked, since
# a source that nobody can change need not be looked at.
RUN tools/bin/python -m hatchling build --target wheel && \
    tools/bin/pip --quiet --python /opt/keyhatch/bin/python install --no-compile --no-index --no-deps dist/*.whl && \
    /opt/keyhatch/bin/python -m compileall -q -f --invalidation-mode unchecked-hash /opt/keyhatch/lib

FROM ${BASE}
# The standard library of python:slim comes without compiled files, which would cost every start half a second.
# pip goes: nothing is ever installed here.
RUN set -eu; lib="$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"; \
    rm -rf "$lib/ensurepip" "$lib/site-packages/pip" "$lib"/site-packages/pip-*.dist-info /usr/local/bin/pip*; \
    python -m compileall -q -f -x '/(tests?|lib2to3)/' --invalidation-mode unchecked-hash "$lib"; \
    echo 'keyhatch:x:10001:10001::/data:/usr/sbin/nologin' >>/etc/passwd; \
    echo 'keyhatch:x:10001:' >>/etc/group; \
    mkdir -p /etc/keyhatch; install -d -m 0700 -o 10001 -g 10001 /data
COPY --from=build /opt/keyhatch /opt/keyhatch

# What SQLite cannot keep in memory goes beside the store: nothing else can be written to.
ENV PATH=/opt/keyhatch/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    SQLITE_TMPDIR=/data \
    KEYHATCH_STORE=sqlite:////data/keyhatch.db \
    KEYHATCH_SERVER__PROXY=0.0.0.0:8080 \
    KEYHATCH_SERVER__ADMIN=0.0.0.0:8081
WORKDIR /etc/keyhatch
USER 10001:10001
VOLUME /data
EXPOSE 8080 8081
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=15s --retries=3 CMD ["keyhatch", "health"]
ENTRYPOINT ["keyhatch"]
CMD ["serve"]

ARG VERSION= REVISION= CREATED= SOURCE=
LABEL org.opencontainers.image.title="Keyhatch" \
      org.opencontainers.image.description="A self-hosted API-key gateway for servers that have no keys" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.source="${SOURCE}"
