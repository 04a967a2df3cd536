# The base install: docker build -t dlic . && docker run --rm -v "$PWD:/pictures" dlic compress photo.jpg
FROM python:3.12-slim AS build
WORKDIR /source
COPY . .
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.12-slim
COPY --from=build /wheels /wheels
RUN pip install --no-cache-dir /wheels/*.whl && rm -r /wheels && dlic --version
# Files belong to who calls: docker run --user "$(id -u):$(id -g)" …; the cache folder needs a home that everybody may write.
ENV HOME=/tmp
WORKDIR /pictures
ENTRYPOINT ["dlic"]
CMD ["-h"]
