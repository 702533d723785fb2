import type { Messages } from "../en/index.ts";
import { common, login, problems, schemaForm, shell } from "./common.ts";
import { account, admins, factor, welcome } from "./admins.ts";
import { audit } from "./audit.ts";
import { branding } from "./branding.ts";
import { channels } from "./channels.ts";
import { conversations } from "./conversations.ts";
import { desk } from "./desk.ts";
import { feedback } from "./feedback.ts";
import { clients, home } from "./home.ts";
import { integrations } from "./integrations.ts";
import { invoices } from "./invoices.ts";
import { knowledge } from "./knowledge.ts";
import { experiments, models } from "./models.ts";
import { catalog, health, jobs, schemaEditor } from "./operation.ts";
import { pause } from "./pause.ts";
import { payer, plans } from "./plans.ts";
import { plugins } from "./plugins.ts";
import { testChat } from "./test-chat.ts";
import { tokens } from "./tokens.ts";
import { tools } from "./tools.ts";
import { usage } from "./usage.ts";

export const messages: Messages = {
  common,
  problems,
  shell,
  login,
  welcome,
  account,
  factor,
  admins,
  tokens,
  pause,
  schemaForm,
  schemaEditor,
  plugins,
  tools,
  integrations,
  channels,
  audit,
  feedback,
  usage,
  invoices,
  plans,
  payer,
  branding,
  conversations,
  desk,
  testChat,
  knowledge,
  models,
  experiments,
  home,
  clients,
  catalog,
  jobs,
  health,
};
