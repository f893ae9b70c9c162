# A registry in an image that holds the binary and nothing else. Nothing is compiled here: BINARY is a statically linked
# binary in the build context, made before with
#   RUSTFLAGS="-C target-feature=+crt-static" cargo build --profile dist --target x86_64-unknown-linux-gnu
# (.dockerignore lets nothing else in.)

# Two empty folders, since an image made from nothing has no command that could make them.
FROM scratch AS folders
WORKDIR /data
WORKDIR /tmp

FROM scratch
ARG BINARY=target/x86_64-unknown-linux-gnu/dist/deedbox
COPY --chown=10001:10001 --from=folders /data /data
COPY --chown=10001:10001 --from=folders /tmp /tmp
COPY ${BINARY} /deedbox

# A number needs no list of users.
USER 10001:10001
ENV DEEDBOX_DATA=/data \
    DEEDBOX_LISTEN=0.0.0.0:8417 \
    DEEDBOX_HOME=/tmp/deedbox \
    TMPDIR=/tmp
VOLUME /data
EXPOSE 8417
STOPSIGNAL SIGTERM
ENTRYPOINT ["/deedbox"]
CMD ["serve"]
