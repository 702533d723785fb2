"""The command line.

This module and those of the commands import nothing heavy at their top: help and shell completion answer at
once, and a command pays for what it uses.
"""

from __future__ import annotations

import typer

from csai.cli.admin import admin
from csai.cli.billing import billing
from csai.cli.billing_setup import client_payer, plan_price
from csai.cli.client import client
from csai.cli.client_branding import client_branding
from csai.cli.client_channels import client_channels
from csai.cli.client_embeddings import client_embeddings
from csai.cli.client_key import activate, client_keys, deactivate, new_key, revoke
from csai.cli.client_plugin import client_plugin
from csai.cli.client_providers import client_providers, plans
from csai.cli.client_routing import recommend, replay_routing
from csai.cli.demo import demo
from csai.cli.doctor import doctor
from csai.cli.evaluation import evaluation
from csai.cli.experiment import experiments
from csai.cli.integration import integrations
from csai.cli.integration_endpoint import endpoints, import_document
from csai.cli.migrate import migrate
from csai.cli.model import models
from csai.cli.pause import pause, resume, spending_switch
from csai.cli.plugin import plugins
from csai.cli.plugin_check import check
from csai.cli.plugin_install import install, uninstall
from csai.cli.plugin_new import new
from csai.cli.privacy import privacy
from csai.cli.refusal import Commands
from csai.cli.retention import retention
from csai.cli.secret import secrets
from csai.cli.seed import seed
from csai.cli.serve import serve
from csai.cli.spending import usage
from csai.cli.tool import tools
from csai.cli.version import version
from csai.cli.webhook import deliveries, webhook
from csai.cli.worker import worker

app = typer.Typer(
    cls=Commands,
    name="csai",
    help="Customer-support AI for many businesses. Begin with: csai demo",
    no_args_is_help=True,
    rich_markup_mode=None,  # drawing the help with rich takes as long as all the rest of it
    # Tracebacks that show local variables would show keys.
    pretty_exceptions_enable=False,
)
for command in (demo, serve, worker, migrate, seed, doctor, version):
    app.command()(command)
for plugin_command in (check, new, install, uninstall):
    plugins.command()(plugin_command)
client.command()(webhook)
client.command()(deliveries)
client.command("plugin")(client_plugin)
client.command("channels")(client_channels)
client.command("providers")(client_providers)
client.command("keys")(client_keys)
client.command("new-key")(new_key)
client.command("revoke-key")(revoke)
client.command()(activate)
client.command()(deactivate)
integrations.command("import")(import_document)
integrations.add_typer(endpoints)
billing.command("price")(plan_price)
billing.command("payer")(client_payer)
client.command()(pause)
client.command()(resume)
client.command("branding")(client_branding)
client.command("embeddings")(client_embeddings)
client.command("replay-routing")(replay_routing)
client.command()(recommend)
app.add_typer(plugins)
app.add_typer(client)
app.add_typer(plans)
app.add_typer(models)
app.add_typer(billing)
app.add_typer(tools)
app.add_typer(integrations)
app.add_typer(retention)
app.add_typer(privacy)
app.add_typer(admin)
app.add_typer(secrets)
app.add_typer(evaluation)
app.add_typer(experiments)
app.add_typer(usage)
app.add_typer(spending_switch)


def main() -> None:
    """Entry point of the program `csai`."""
    app()
