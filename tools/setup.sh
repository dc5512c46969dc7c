# Sourced by ./run-example, ./test and .ci/run: makes a Debian or Ubuntu machine that has git and Rust ready to build.

# Only what the build needs in C: a compiler and linker (SQLite and zstd are compiled from source).
if ! command -v cc >/dev/null; then
    as_root=""
    [ "$(id -u)" -eq 0 ] || as_root="sudo"
    echo "installing a C compiler" >&2
    $as_root apt-get update -qq
    DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends gcc libc6-dev >/dev/null
fi

if ! command -v cargo >/dev/null; then
    echo "Rust is not installed: see https://rustup.rs" >&2
    exit 1
fi

# A target folder outside the clone, so that a second clone does not compile DataFusion again.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/trainyard/target}"
mkdir -p "$CARGO_TARGET_DIR"
