#!/usr/bin/env python3
"""Measures fedlint beside ripgrep (the same words) and, where installed, checkov, semgrep and actionscope.

    python3 benches/compare.py --fedlint target/dist/fedlint [--before OLD] [--org 1000,10000,100000]
        [--roles 1000,10000,30000] [--accounts 500,5000,50000] [--members 100,1000,10000] [--runs 3] [--tree DIR]

Makes a synthetic organisation (deterministic) below --tree, runs the programs alternating, and prints tables in Markdown: CPU
seconds (user and system, medians), ratios of medians, exponents of growth, peak memory. A size of 0 leaves a dimension out.
"""

import argparse
import math
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HOST = "token.actions.githubusercontent.com"
# What fedlint's prefilter looks for, more or less: ripgrep finds the files that matter.
WORDS = [
    "oidc-provider", "AssumeRoleWithWebIdentity", "workloadIdentityPool", "workload_identity_pool", "federated_identity_credential",
    "federatedIdentityCredentials", "eks.amazonaws.com/role-arn", "iam.gke.io/gcp-service-account", "azure.workload.identity",
    "id-token", "id_tokens", "configure-aws-credentials", "principalSet://", "svc.id.goog", "spiffe://", HOST,
]
PROVIDER = f'''resource "aws_iam_openid_connect_provider" "gh" {{
  url            = "https://{HOST}"
  client_id_list = ["sts.amazonaws.com"]
}}
'''


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def role(index, subject):
    return f'''resource "aws_iam_role" "r{index}" {{
  name = "deploy-{index}"
  assume_role_policy = jsonencode({{
    Version = "2012-10-17"
    Statement = [{{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = {{ Federated = aws_iam_openid_connect_provider.gh.arn }}
      Condition = {{
        StringEquals = {{ "{HOST}:aud" = "sts.amazonaws.com" }}
        StringLike   = {{ "{HOST}:sub" = "{subject}" }}
      }}
    }}]
  }})
}}

'''


NOUNS = ["payments", "ledger", "checkout", "search", "catalogue", "billing", "identity", "mailer", "fraud", "stock", "quotes", "media"]
KINDS = ["api", "web", "worker", "infra", "cron", "gateway", "importer", "console"]


def subject(rng, index):
    """Repositories are called as repositories are, not by their number alone."""
    name = f"{rng.choice(NOUNS)}-{rng.choice(KINDS)}" + (f"-{rng.randrange(2, 99)}" if rng.random() < 0.3 else "")
    ends = ["ref:refs/heads/main", "environment:prod", "*", "pull_request", f"ref:refs/tags/v{index}.*"]
    return f"repo:northwind-{rng.choice(NOUNS)}/{name}:{ends[index % 5]}"


def roles(out, count):
    rng = random.Random(11)
    write(f"{out}/provider.tf", PROVIDER)
    for first in range(0, count, 50):
        text = "".join(role(i, subject(rng, i)) for i in range(first, min(count, first + 50)))
        write(f"{out}/roles{first:06}.tf", text)


def accounts(out, count):
    for first in range(0, count, 50):
        here = range(first, min(count, first + 50))
        write(f"{out}/tf/grants{first:06}.tf", "".join(f'''resource "google_service_account" "s{i}" {{
  project    = "northwind"
  account_id = "svc-{i}"
}}
resource "google_service_account_iam_member" "s{i}" {{
  service_account_id = google_service_account.s{i}.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "serviceAccount:northwind.svc.id.goog[team-{i // 50}/svc-{i}]"
}}
''' for i in here))
        write(f"{out}/manifests/accounts{first:06}.yaml", "---\n".join(f'''apiVersion: v1
kind: ServiceAccount
metadata:
  name: svc-{i}
  namespace: team-{i // 50}
  annotations:
    iam.gke.io/gcp-service-account: svc-{i}@northwind.iam.gserviceaccount.com
''' for i in here))


def members(out, count):
    providers = max(1, min(5, count // 100))
    text = '''resource "google_iam_workload_identity_pool" "p" {
  project                   = "northwind"
  workload_identity_pool_id = "ci"
}
'''
    for i in range(providers):
        text += f'''resource "google_iam_workload_identity_pool_provider" "p{i}" {{
  project                            = "northwind"
  workload_identity_pool_id          = google_iam_workload_identity_pool.p.workload_identity_pool_id
  workload_identity_pool_provider_id = "gh-{i}"
  attribute_mapping = {{
    "google.subject"       = "assertion.sub"
    "attribute.repository" = "assertion.repository"
  }}
  attribute_condition = "assertion.repository_owner_id == '{5150 + i}'"
  oidc {{ issuer_uri = "https://{HOST}" }}
}}
'''
    write(f"{out}/pool.tf", text)
    rng = random.Random(13)
    for first in range(0, count, 50):
        write(f"{out}/members{first:06}.tf", "".join(f'''resource "google_service_account" "s{i}" {{
  project    = "northwind"
  account_id = "svc-{i}"
}}
resource "google_service_account_iam_member" "s{i}" {{
  service_account_id = google_service_account.s{i}.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principalSet://iam.googleapis.com/${{google_iam_workload_identity_pool.p.name}}/attribute.repository/northwind/{rng.choice(NOUNS)}-{i}"
}}
''' for i in range(first, min(count, first + 50))))


def organisation(out, count):
    """One repository in a hundred files: a root with three roles, a pool, workflows, manifests, and much that is nobody's matter."""
    rng = random.Random(7)
    for number in range(max(1, count // 100)):
        top = f"{out}/repository-{number:05}"
        write(f"{top}/infra/main.tf", PROVIDER + "".join(role(i, f"repo:northwind/svc-{number}-{i}:ref:refs/heads/main") for i in range(3)))
        for job in range(3):
            write(f"{top}/.github/workflows/deploy{job}.yml", f'''name: deploy {job}
on: push
permissions: {{ id-token: write, contents: read }}
jobs:
  deploy:
    runs-on: ubuntu-latest
    steps:
      - uses: aws-actions/configure-aws-credentials@v4
        with:
          role-to-assume: arn:aws:iam::123456789012:role/deploy-{job}
          aws-region: eu-west-1
''')
        for index in range(min(93, count - 7)):
            extension = rng.choice(["ts", "py", "go", "md", "css", "yaml", "json", "java", "svg"])
            lines = int(rng.lognormvariate(3.5, 1.1)) + 3
            line = {"yaml": "key{}: value\n", "json": ' "k{}": "some value",\n'}.get(extension, "a line {} of text that says nothing of it\n")
            text = "".join(line.format(n) for n in range(lines))
            write(f"{top}/src/p{index % 7}/f{index}.{extension}", "{\n" + text + ' "end": 1\n}\n' if extension == "json" else text)


def measured(command):
    """CPU seconds, wall seconds and peak MiB of one run."""
    started = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, _, usage = os.wait4(child.pid, 0)
    child.returncode = 0
    return usage.ru_utime + usage.ru_stime, time.monotonic() - started, usage.ru_maxrss / 1024


def programs(arguments):
    found = {"fedlint": lambda tree: [arguments.fedlint, "check", "--exit-zero", tree]}
    if arguments.before:
        found["before"] = lambda tree: [arguments.before, "check", "--exit-zero", tree]
    if shutil.which("rg"):
        words = [part for word in WORDS for part in ("-e", word)]
        found["ripgrep"] = lambda tree: ["rg", "-i", "-F", "-l", *words, tree]
    others = {
        "checkov": lambda tree: ["checkov", "-d", tree, "--compact", "--quiet", "-c", "CKV_AWS_358,CKV_GCP_125,CKV_AZURE_249"],
        "semgrep": lambda tree: ["semgrep", "--metrics=off", "--quiet", "-e", '"sts:AssumeRoleWithWebIdentity"', "-l", "generic", tree],
        "actionscope": lambda tree: ["actionscope", tree],
    }
    found.update({name: command for name, command in others.items() if arguments.others and shutil.which(name)})
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fedlint", default="target/release/fedlint")
    parser.add_argument("--before", help="an older fedlint, run beside")
    parser.add_argument("--others", action="store_true", help="run checkov, semgrep and actionscope too, where installed")
    parser.add_argument("--tree", help="where the trees are made; a temporary folder by default")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--slowest", type=float, default=120, help="a program that took longer is not run on larger trees of the kind")
    for name, sizes in [("org", "1000,10000"), ("roles", "1000,10000"), ("accounts", "500,5000"), ("members", "100,1000")]:
        parser.add_argument(f"--{name}", default=sizes)
    arguments = parser.parse_args()
    makers = {"org": ("files", organisation), "roles": ("roles", roles), "accounts": ("ServiceAccounts", accounts), "members": ("members", members)}
    with tempfile.TemporaryDirectory() as temporary:
        top = arguments.tree or temporary
        running = programs(arguments)
        print("| what | size | " + " | ".join(f"{name}: CPU s, MiB" for name in running) + " | CPU of fedlint / ripgrep |")
        print("|---|---|" + "---|" * (len(running) + 1))
        growth = []
        for kind, (what, make) in makers.items():
            points, too_slow = {}, set()
            for size in [int(part) for part in getattr(arguments, kind).split(",") if int(part)]:
                tree = os.path.join(top, f"{kind}-{size}")
                if not os.path.isdir(tree):
                    make(tree, size)
                results = {name: [] for name in running}
                for _ in range(arguments.runs):
                    for name, command in running.items():
                        if name not in too_slow and (not results[name] or results[name][0][0] < arguments.slowest / 4):
                            results[name].append(measured(command(tree)))
                cells, medians = [], {}
                for name, all_runs in results.items():
                    if not all_runs:
                        cells.append("-")
                        continue
                    cpu, peak = statistics.median(r[0] for r in all_runs), max(r[2] for r in all_runs)
                    medians[name] = cpu
                    points.setdefault(name, []).append((size, cpu, peak))
                    cells.append(f"{cpu:.2f}, {peak:.0f}")
                    if cpu > arguments.slowest:
                        too_slow.add(name)
                ratio = f"{medians['fedlint'] / max(medians['ripgrep'], 0.001):.1f}" if "ripgrep" in medians else "-"
                print(f"| {what} | {size:,} | " + " | ".join(cells) + f" | {ratio} |", flush=True)
            for name, all_points in points.items():
                for (small, fast, low), (large, slow, high) in zip(all_points, all_points[1:]):
                    by = math.log(large / small)
                    growth.append((what, name, small, large, math.log(slow / max(fast, 0.001)) / by, math.log(high / low) / by))
        if growth:
            print("\n| what | program | from | to | exponent of time | exponent of memory |\n|---|---|---|---|---|---|")
            for what, name, small, large, of_time, of_memory in growth:
                print(f"| {what} | {name} | {small:,} | {large:,} | {of_time:.2f} | {of_memory:.2f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
