# The image of the hooks. A release names the base by its digest (--build-arg BASE=python:3.13-slim-trixie@sha256:...). Both stages have the
# same base, because the virtual environment is built where it will run. The tests run on this Python version, too.
ARG BASE=python:3.13-slim-trixie

FROM ${BASE} AS build
RUN python3 -m venv /opt/ipam
COPY requirements-hooks.txt /tmp/
RUN /opt/ipam/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r /tmp/requirements-hooks.txt
COPY gunicorn.conf.py /srv/ipam/
COPY ipam /srv/ipam/ipam
COPY hooks /srv/ipam/hooks
# The root of a pod is read-only, so Python could not store this later.
RUN /opt/ipam/bin/python -m compileall -q /srv/ipam

FROM ${BASE}
ARG VERSION=unknown
ARG REVISION=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="ipam-hooks" \
      org.opencontainers.image.description="Webhooks of ipam, IP address management for Kubernetes" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}"
COPY --from=build /opt/ipam /opt/ipam
COPY --from=build /srv/ipam /srv/ipam
WORKDIR /srv/ipam
ENV PATH=/opt/ipam/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
EXPOSE 8080 8443 9464
CMD ["gunicorn"]
