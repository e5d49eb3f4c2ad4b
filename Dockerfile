# syntax=docker/dockerfile:1
# The operator's image: the binary and what it needs to run (packaging/rootfs says what and why), as a user that is not root.
#
#   docker build -t registry.example.com/adsync:0.1.0 .
#
# Nothing here names a platform: what `docker build --platform` asks for is built on its own kind, emulated where it must be. For several at once:
#
#   docker buildx build --platform linux/amd64,linux/arm64 --sbom=true --provenance=mode=max --push -t registry.example.com/adsync:0.1.0 .

# For --sbom: a stripped binary on nothing tells no scanner what it is made of; Cargo.lock, and the Debian that it was built on, do.
ARG BUILDKIT_SBOM_SCAN_CONTEXT=true

# The Rust of rust-toolchain.toml, and the Debian that the tests run on.
FROM docker.io/library/rust:1.95.0-bookworm AS build
ARG BUILDKIT_SBOM_SCAN_STAGE=true
# BuildKit sets it: amd64, arm64. What was compiled for one is of no use to the other.
ARG TARGETARCH
WORKDIR /src
COPY . .
# The caches make the next build a short one; nothing of them gets into the image.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,id=adsync-target-$TARGETARCH,target=/src/target \
    cargo build --release --locked && \
    packaging/rootfs target/release/adsync /rootfs

FROM scratch
LABEL org.opencontainers.image.title="adsync" \
      org.opencontainers.image.description="Keeps a phone system's users, extensions and ring groups in step with Active Directory" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /rootfs /
# By number: to `runAsNonRoot`, a name could be anybody's.
USER 65532:65532
# Metrics, and the probes.
EXPOSE 8080 8081
ENTRYPOINT ["/adsync"]
CMD ["run"]
