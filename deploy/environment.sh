# shellcheck shell=sh
# Sourced by ./jukni and ./test: the project's own Python environment, made on first use.
#
#   environment EXTRAS    EXTRAS is "" or "[test]". Afterwards $environment names a folder whose
#                         bin/ holds Python and the project, installed in place from $checkout.
#
# Nothing is fetched when pyproject.toml, the Python and the place of the checkout are those of last time.
# Interrupted half-way, the next call does it again: the stamp is written last.

find_python() {
    for python in "${JUKNI_PYTHON:-python3}" python3.14 python3.13 python3.12 python3.11; do
        if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            return 0
        fi
    done
    echo "jukni: no Python 3.11 or newer was found" >&2
    echo "  next   on Debian 12 or newer:  sudo apt install python3 python3-venv" >&2
    return 2
}

environment() {
    environment=${JUKNI_ENVIRONMENT:-$checkout/.venv}
    wanted="$(cksum <"$checkout/pyproject.toml") $checkout"
    stamp=$environment/installed$1
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && "$environment/bin/python" -c 'import pip' 2>/dev/null; then
        return 0
    fi
    echo "jukni: setting up $environment (first use, or pyproject.toml changed; about a minute)" >&2
    if ! "$environment/bin/python" -c 'import pip' 2>/dev/null; then
        find_python || return
        if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
            echo "jukni: this Python cannot make environments: its venv module is missing" >&2
            echo "  next   sudo apt install python3-venv" >&2
            return 2
        fi
        "$python" -m venv --clear "$environment" || return
    fi
    if ! "$environment/bin/python" -m pip install --quiet --disable-pip-version-check \
        --editable "$checkout$1" >&2; then
        echo "jukni: the packages it needs could not be installed (see above)" >&2
        echo "  kept   archives are untouched" >&2
        echo "  next   check the network, then run the same command again" >&2
        return 4
    fi
    printf '%s\n' "$wanted" >"$stamp"
}
