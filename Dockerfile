# A static binary in a small image with a shell (CI systems run scripts in it), as a user without rights.
#   docker build -t fedlint . && docker run --rm --network none -v "$PWD:/repository:ro" fedlint
FROM rust:1.90-alpine AS build
RUN apk add --no-cache musl-dev
WORKDIR /source
COPY Cargo.toml Cargo.lock build.rs ./
COPY rules rules
COPY src src
# The manifest names a test and benchmarks that are not built here.
COPY benches benches
COPY tests/suite/main.rs tests/suite/main.rs
RUN cargo build --locked --profile dist --bin fedlint

FROM alpine:3.22
COPY --from=build /source/target/dist/fedlint /usr/local/bin/fedlint
USER 65532:65532
WORKDIR /repository
ENTRYPOINT ["fedlint"]
CMD ["check"]
