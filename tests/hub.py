"""A small stand-in for the Hugging Face Hub, for the endpoints its client library calls; kept in memory.

with LocalHub() as hub, HubProcess(hub.env(tmp_path, token="hf_alice")) as process:
    process.run("from rbvae import load_checkpoint; result = load_checkpoint('alice/faces').kind")
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import socket
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
import yaml
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

TOKENS = {"hf_alice": "alice", "hf_bob": "bob"}
LARGE = (".safetensors", ".parquet")  # the Hub keeps these outside git


class Refusal(Exception):
    """An answer other than 200, with the headers that the client library reads."""

    def __init__(self, status: int, code: str = "", message: str = "") -> None:
        self.response = JSONResponse(
            {"error": message or code}, status, {"X-Error-Code": code, "X-Error-Message": message or code}
        )


@dataclass
class Repo:
    """Branches point at commits; a commit is every file with its content."""

    private: bool
    branches: dict[str, str] = field(default_factory=dict)
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)

    def commit(self, branch: str, files: dict[str, bytes], message: str) -> str:
        oid = hashlib.sha1(f"{len(self.commits)} {message} {id(self)}".encode()).hexdigest()
        self.commits[oid], self.messages[oid], self.branches[branch] = files, message, oid
        return oid

    def resolve(self, revision: str) -> str:
        oid = self.branches.get(revision, revision)
        if oid not in self.commits:
            raise Refusal(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return oid


@dataclass(frozen=True)
class Seen:
    """One request, with the bytes that were sent for it."""

    method: str
    path: str
    sent: int


class LocalHub:
    """The server, its repositories by (kind, name) such as ("models", "alice/faces"), and the requests it saw."""

    def __init__(self) -> None:
        self.repos: dict[tuple[str, str], Repo] = {}
        self.seen: list[Seen] = []
        self.tells_sizes = True
        self._large: dict[str, bytes] = {}
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._server = uvicorn.Server(uvicorn.Config(self._app(), log_level="error", ws="none", lifespan="off"))
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)

    def __enter__(self) -> LocalHub:
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self._socket.close()

    def env(self, home: Path, token: str | None = None, **more: str) -> dict[str, str]:
        """Environment for a process that takes this server for the Hub; its cache lies in `home`."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        named = {"HF_ENDPOINT": self.url, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(home), "OMP_NUM_THREADS": "1"}
        return kept | named | ({"HF_TOKEN": token} if token else {}) | more

    def add(self, kind: str, name: str, files: dict[str, bytes], private: bool = False) -> str:
        """A repository with one commit on main; returns the commit's id."""
        repo = self.repos[kind, name] = Repo(private)
        return repo.commit("main", files, "initial commit")

    def _find(self, request: Request, kind: str, name: str, write: bool = False) -> Repo:
        user, repo = self._user(request), self.repos.get((kind, name))
        mine = user == name.split("/")[0]
        if repo is None or (repo.private and not mine):
            raise Refusal(404 if user else 401, "RepoNotFound", "Repository not found")
        if write and not mine:
            raise Refusal(403, "", f"You have no right to write to {name}")
        return repo

    def _user(self, request: Request) -> str | None:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token and token not in TOKENS:
            raise Refusal(401, "", "Invalid credentials in Authorization header")
        return TOKENS.get(token)

    def _app(self) -> FastAPI:
        app = FastAPI(openapi_url=None)
        repo_path = "/api/{kind}/{owner}/{name}"

        @app.exception_handler(Refusal)
        async def refuse(_: Request, refusal: Refusal) -> Response:
            return refusal.response

        @app.middleware("http")
        async def note(request: Request, call_next: Any) -> Response:
            response = await call_next(request)
            sent = 0 if request.method == "HEAD" else int(response.headers.get("content-length", 0))
            self.seen.append(Seen(request.method, request.url.path, sent))
            return response

        @app.post("/api/validate-yaml")
        async def validate_yaml(request: Request) -> Any:
            try:
                yaml.safe_load((await request.json())["content"].split("---")[1])
            except (IndexError, yaml.YAMLError) as error:
                return JSONResponse({"errors": [{"message": str(error)}], "warnings": []}, 400)
            return {"errors": [], "warnings": []}

        @app.post("/api/repos/create")
        async def create(request: Request) -> Any:
            asked, user = await request.json(), self._user(request)
            owner, kind = asked.get("organization") or user, asked.get("type", "model") + "s"
            if user is None:
                raise Refusal(401, "", "Invalid username or password.")
            if user != owner:
                raise Refusal(403, "", f"You don't have the rights to create a model under the namespace {owner}")
            name = f"{owner}/{asked['name']}"
            answer = {"url": f"{self.url}/{name}", "name": name}
            if (kind, name) in self.repos:
                return JSONResponse(answer | {"error": "You already created this model repo"}, 409)
            self.add(kind, name, {".gitattributes": b""}, asked.get("visibility") == "private")
            return answer

        @app.post(repo_path + "/branch/{branch}")
        async def branch(request: Request, kind: str, owner: str, name: str, branch: str) -> Any:
            repo = self._find(request, kind, f"{owner}/{name}", write=True)
            if branch in repo.branches:
                raise Refusal(409, "", f"Reference already exists: {branch}")
            repo.branches[branch] = repo.resolve((await request.json()).get("startingPoint", "main"))
            return {}

        @app.post(repo_path + "/preupload/{revision}")
        async def preupload(request: Request, kind: str, owner: str, name: str, revision: str) -> Any:
            repo = self._find(request, kind, f"{owner}/{name}", write=True)
            held = repo.commits[repo.resolve(revision)]
            paths = [file["path"] for file in (await request.json())["files"]]
            return {
                "files": [_mode(path) | {"oid": _oid(path, held[path]) if path in held else None} for path in paths]
            }

        @app.post("/{full_name:path}.git/info/lfs/objects/batch")
        async def batch(request: Request, full_name: str) -> Any:
            objects = (await request.json())["objects"]
            for each in objects:
                if each["oid"] not in self._large:
                    each["actions"] = {"upload": {"href": f"{self.url}/large/{each['oid']}"}}
            return {"transfer": "basic", "objects": objects}

        @app.put("/large/{oid}")
        async def upload(request: Request, oid: str) -> Any:
            content = await request.body()
            if hashlib.sha256(content).hexdigest() != oid:
                raise Refusal(400, "", "sha256 differs")
            self._large[oid] = content
            return {}

        @app.post(repo_path + "/commit/{revision}")
        async def commit(request: Request, kind: str, owner: str, name: str, revision: str) -> Any:
            repo = self._find(request, kind, f"{owner}/{name}", write=True)
            files, message = dict(repo.commits[repo.resolve(revision)]), ""
            for line in (await request.body()).splitlines():
                key, value = (item := json.loads(line))["key"], item["value"]
                if key == "header":
                    message = value["summary"]
                elif key == "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                elif key == "lfsFile":
                    files[value["path"]] = self._large[value["oid"]]
                elif key == "deletedFile":
                    del files[value["path"]]
            oid = repo.commit(revision, files, message)
            return {"success": True, "commitOid": oid, "commitUrl": f"{self.url}/{owner}/{name}/commit/{oid}"}

        @app.get(repo_path)
        @app.get(repo_path + "/revision/{revision}")
        async def info(request: Request, kind: str, owner: str, name: str, revision: str = "main") -> Any:
            repo = self._find(request, kind, f"{owner}/{name}")
            oid = repo.resolve(revision)
            siblings: list[dict[str, Any]] = [{"rfilename": path} for path in repo.commits[oid]]
            if request.query_params.get("blobs", "").lower() == "true" and self.tells_sizes:
                siblings = [one | {"size": len(repo.commits[oid][one["rfilename"]])} for one in siblings]
            return {"id": f"{owner}/{name}", "sha": oid, "private": repo.private, "tags": [], "siblings": siblings}

        @app.get(repo_path + "/tree/{revision}")
        @app.get(repo_path + "/tree/{revision}/{folder:path}")
        async def tree(request: Request, kind: str, owner: str, name: str, revision: str, folder: str = "") -> Any:
            repo = self._find(request, kind, f"{owner}/{name}")
            files = repo.commits[repo.resolve(revision)]
            deep = request.query_params.get("recursive", "").lower() == "true"
            return _listing(files, folder.rstrip("/") + "/" if folder else "", deep)

        @app.api_route("/{owner}/{name}/resolve/{revision}/{path:path}", methods=["GET", "HEAD"])
        @app.api_route("/datasets/{owner}/{name}/resolve/{revision}/{path:path}", methods=["GET", "HEAD"])
        async def resolve(request: Request, owner: str, name: str, revision: str, path: str) -> Response:
            kind = "datasets" if request.url.path.startswith("/datasets/") else "models"
            repo = self._find(request, kind, f"{owner}/{name}")
            oid = repo.resolve(revision)
            if path not in repo.commits[oid]:
                raise Refusal(404, "EntryNotFound", "Entry not found")
            content = repo.commits[oid][path]
            headers = {"X-Repo-Commit": oid, "ETag": f'"{_oid(path, content)}"', "Accept-Ranges": "bytes"}
            if not (span := request.headers.get("range")):
                return Response(content, 200, headers, "application/octet-stream")
            first, last = span.removeprefix("bytes=").split("-")
            part = content[int(first) : int(last) + 1 if last else None]
            headers["Content-Range"] = f"bytes {first}-{int(first) + len(part) - 1}/{len(content)}"
            return Response(part, 206, headers, "application/octet-stream")

        return app


def _mode(path: str) -> dict[str, Any]:
    return {"path": path, "uploadMode": "lfs" if path.endswith(LARGE) else "regular", "shouldIgnore": False}


def _oid(path: str, content: bytes) -> str:
    """As git or git-lfs name a content."""
    if path.endswith(LARGE):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def _listing(files: dict[str, bytes], prefix: str, deep: bool) -> list[dict[str, Any]]:
    entries: dict[str, dict[str, Any]] = {}
    for path, content in files.items():
        if not path.startswith(prefix):
            continue
        parts = path[len(prefix) :].split("/")
        for depth in range(1, len(parts) if deep else min(2, len(parts))):
            folder = prefix + "/".join(parts[:depth])
            entries[folder] = {"type": "directory", "path": folder, "oid": "0" * 40, "size": 0}
        if deep or len(parts) == 1:
            entries[path] = {"type": "file", "path": path, "oid": _oid(path, content), "size": len(content)}
            if path.endswith(LARGE):
                lfs = {"oid": _oid(path, content), "size": len(content), "pointerSize": 130}
                entries[path] |= {"oid": hashlib.sha1(content).hexdigest(), "lfs": lfs}
    if not entries:
        raise Refusal(404, "EntryNotFound", f"{prefix} does not exist")
    return list(entries.values())
