"""One web host on loopback with PHP software under its paths: nginx and php-fpm from Debian.

Both run as plain processes of whoever runs the tests (root or not), with all their files in a temporary
folder. The software itself is served in place from its Debian package, which is only read.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PHP_PACKAGES = ("nginx-light", "php-fpm")
"""Debian packages every host needs."""


class Missing(Exception):
    """Software that is not installed; the text ends in the command that installs it."""

    def __init__(self, packages: Sequence[str]) -> None:
        wanted = " ".join(packages)
        super().__init__(f"not installed, run:  sudo apt install --no-install-recommends {wanted}")


def _programs() -> tuple[str, str]:
    """Paths of nginx and php-fpm, which lie outside a normal user's PATH. Raises Missing."""
    nginx = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    php = max(Path("/usr/sbin").glob("php-fpm[0-9]*"), default=None)
    if nginx is None or php is None:
        raise Missing(PHP_PACKAGES)
    return nginx, str(php)


@dataclass(frozen=True)
class Mount:
    """One software under one path of the host.

    `path` is "/name/" or "/", `code` the folder its files lie in, `conf` further nginx directives (`{php}`
    stands for those that hand a request to PHP), `environment` what PHP finds in `$_SERVER`.
    """

    path: str
    code: Path
    conf: str
    environment: dict[str, str]


@dataclass(frozen=True)
class Request:
    """One line of the host's log: when it was answered (UNIX time), what was asked, what came."""

    time: float
    method: str
    target: str
    status: int
    connection: int
    user_agent: str


@dataclass(frozen=True)
class WikiHost:
    """A running host: `url` has no slash at its end; `folder` holds its logs."""

    url: str
    folder: Path

    def requests(self) -> list[Request]:
        """Every request answered so far, in the order the answers ended."""
        found = []
        for line in (self.folder / "access.log").read_text("utf-8", "replace").splitlines():
            at, method, target, status, connection, agent = line.split("\t")
            found.append(Request(float(at), method, target, int(status), int(connection), agent))
        return found


def fetch(url: str, headers: dict[str, str] | None = None) -> tuple[int, str, bytes]:
    """One plain GET without cookies: status, content type, body. Any HTTP status is an answer."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(urllib.request.Request(url, headers=headers or {}), timeout=60) as answer:
            return answer.status, answer.headers.get("Content-Type", ""), answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers.get("Content-Type", ""), error.read()


@contextmanager
def serve(folder: Path, mounts: Sequence[Mount], *, php_workers: int = 4) -> Iterator[WikiHost]:
    """Start the host and stop it at the end. `folder` must be empty and its path short (a socket lies in it).

    Raises Missing when nginx or php-fpm is not there, RuntimeError with their logs when they do not start.
    """
    nginx, php = _programs()
    (folder / "htdocs").mkdir()
    (folder / "sessions").mkdir()
    for mount in mounts:
        if mount.path == "/":
            for part in mount.code.iterdir():
                (folder / "htdocs" / part.name).symlink_to(part)
        else:
            (folder / "htdocs" / mount.path.strip("/")).symlink_to(mount.code)
    (folder / "ready.php").write_text("ready")
    (folder / "prepend.php").write_text(_PREPEND)
    (folder / "php-fpm.conf").write_text(_php_conf(folder, php_workers))
    port = free_port()
    (folder / "nginx.conf").write_text(_nginx_conf(folder, port, mounts))
    root = ["--allow-to-run-as-root"] if os.geteuid() == 0 else []
    commands = [
        [php, "--nodaemonize", *root, "--fpm-config", str(folder / "php-fpm.conf")],
        [nginx, "-e", str(folder / "nginx.log"), "-p", str(folder), "-c", str(folder / "nginx.conf")],
    ]
    started: list[subprocess.Popen[bytes]] = []
    try:
        for command in commands:
            with (folder / "output.log").open("ab") as output:
                started.append(subprocess.Popen(command, stdout=output, stderr=output))
        host = WikiHost(f"http://127.0.0.1:{port}", folder)
        _wait_until_ready(host, started)
        yield host
    finally:
        for process in reversed(started):
            process.send_signal(signal.SIGTERM)
        for process in reversed(started):
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def free_port() -> int:
    """A port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_ready(host: WikiHost, started: Sequence[subprocess.Popen[bytes]]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and all(process.poll() is None for process in started):
        try:
            if fetch(f"{host.url}/ready.php")[2] == b"ready":
                return
        except OSError:
            pass
        time.sleep(0.05)
    logs = "\n".join(path.read_text("utf-8", "replace") for path in sorted(host.folder.glob("*.log")))
    raise RuntimeError(f"the web host did not start:\n{logs}")


# Which wiki a request is for reaches PHP as a fastcgi parameter: all mounts share the same workers.
_PREPEND = """<?php
foreach (['DOKU_CONF', 'DOKU_PLUGIN'] as $name) if (isset($_SERVER[$name])) define($name, $_SERVER[$name]);
"""


def _php_conf(folder: Path, workers: int) -> str:
    user = "user = root\ngroup = root" if os.geteuid() == 0 else ""
    return f"""
[global]
error_log = {folder}/php-fpm.log
[www]
{user}
listen = {folder}/php.sock
pm = static
pm.max_children = {workers}
catch_workers_output = yes
php_admin_value[auto_prepend_file] = {folder}/prepend.php
php_admin_value[session.save_path] = {folder}/sessions
php_admin_value[sys_temp_dir] = {folder}
php_admin_value[error_log] = {folder}/php.log
php_admin_value[date.timezone] = UTC
php_admin_flag[display_errors] = off
php_admin_flag[opcache.validate_timestamps] = on
php_admin_value[opcache.revalidate_freq] = 0
"""


def _nginx_conf(folder: Path, port: int, mounts: Sequence[Mount]) -> str:
    user = "user root;" if os.geteuid() == 0 else ""
    blocks = []
    for mount in mounts:
        given = "".join(f'fastcgi_param {name} "{value}"; ' for name, value in mount.environment.items())
        php = f"include {folder}/fastcgi.conf; {given}fastcgi_pass unix:{folder}/php.sock;"
        blocks.append(mount.conf.replace("{php}", php).replace("{path}", mount.path))
    temporary = "".join(
        f"{kind}_temp_path {folder}/temporary;\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    shutil.copy("/etc/nginx/mime.types", folder / "mime.types")
    (folder / "fastcgi.conf").write_text(_FASTCGI)
    newline = "\n"
    return f"""
daemon off;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
events {{ worker_connections 256; }}
http {{
  include {folder}/mime.types;
  default_type application/octet-stream;
  log_format plain escape=none '$msec\t$request_method\t$request_uri\t$status\t$connection\t$http_user_agent';
  access_log {folder}/access.log plain;
  {temporary}
  gzip on;
  gzip_types text/css application/javascript application/json application/rss+xml application/atom+xml;
  absolute_redirect on;
  server {{
    listen 127.0.0.1:{port};
    server_name localhost;
    root {folder}/htdocs;
    location = /ready.php {{
      include {folder}/fastcgi.conf;
      fastcgi_param SCRIPT_FILENAME {folder}/ready.php;
      fastcgi_pass unix:{folder}/php.sock;
      access_log off;
    }}
{newline.join(blocks)}
  }}
}}
"""


_FASTCGI = """
fastcgi_param QUERY_STRING $query_string;
fastcgi_param REQUEST_METHOD $request_method;
fastcgi_param CONTENT_TYPE $content_type;
fastcgi_param CONTENT_LENGTH $content_length;
fastcgi_param SCRIPT_NAME $fastcgi_script_name;
fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
fastcgi_param PATH_INFO $fastcgi_path_info;
fastcgi_param REQUEST_URI $request_uri;
fastcgi_param DOCUMENT_URI $document_uri;
fastcgi_param DOCUMENT_ROOT $document_root;
fastcgi_param SERVER_PROTOCOL $server_protocol;
fastcgi_param REQUEST_SCHEME $scheme;
fastcgi_param GATEWAY_INTERFACE CGI/1.1;
fastcgi_param SERVER_SOFTWARE nginx/$nginx_version;
fastcgi_param REMOTE_ADDR $remote_addr;
fastcgi_param REMOTE_PORT $remote_port;
fastcgi_param SERVER_ADDR $server_addr;
fastcgi_param SERVER_PORT $server_port;
fastcgi_param SERVER_NAME $server_name;
fastcgi_param REDIRECT_STATUS 200;
"""
