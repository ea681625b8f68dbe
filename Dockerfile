# Two stages of the same Debian release: the virtual environment is built where it will run. The tests use the same Python version.
FROM python:3.11-slim-bookworm AS build
RUN python -m venv /opt/ipam
COPY requirements-hooks.txt /tmp/
RUN /opt/ipam/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r /tmp/requirements-hooks.txt

FROM python:3.11-slim-bookworm
COPY --from=build /opt/ipam /opt/ipam
WORKDIR /srv/ipam
COPY gunicorn.conf.py ./
COPY ipam ipam
COPY hooks hooks
ENV PATH=/opt/ipam/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
EXPOSE 8080
CMD ["gunicorn"]
