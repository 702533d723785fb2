/** The admin API, as its OpenAPI document has it. Written by scripts/api_types.py; do not edit. */

export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

export interface AccountCheck {
  readonly is_ok: boolean;
  readonly detail: string;
}

export interface AccountState {
  readonly id: string;
  readonly channel: string;
  readonly name: string;
  readonly enabled: boolean;
  readonly webhook_path: string;
  readonly webhook_url: string;
  readonly settings: { readonly [name: string]: Json };
  readonly secrets: readonly string[];
  readonly fault: string | null;
  readonly revision: number;
  readonly created_at: string;
}

export interface Activity {
  readonly kind: "conversation" | "handoff" | "change" | "limit" | "plugin" | "degraded";
  readonly at: string;
  readonly client_id: string | null;
  readonly title: string;
  readonly object: string;
  readonly actor: string;
}

export interface AdminItem {
  readonly id: string;
  readonly email: string;
  readonly role: string;
  readonly client_ids: readonly string[] | null;
  readonly is_active: boolean;
  readonly has_second_factor: boolean;
  readonly has_password: boolean;
  readonly is_linked: boolean;
  readonly locked_until: string | null;
  readonly created_at: string;
}

export interface AdminLinkItem {
  readonly url: string;
  readonly expires_at: string;
}

export interface AdminList {
  readonly admins: readonly AdminItem[];
  readonly next: string | null;
}

export interface AdminProfile {
  readonly id: string;
  readonly email: string;
  readonly role: string;
  readonly client_ids: readonly string[] | null;
  readonly has_second_factor: boolean;
  readonly has_password: boolean;
}

export interface AiNotice {
  readonly is_shown: boolean;
  readonly text: string | null;
}

export interface AnswerMessage {
  readonly id: string;
  readonly role: string;
  readonly author: string;
  readonly content: string;
  readonly created_at: string;
}

export interface AnswerToolCall {
  readonly id: string;
  readonly name: string;
  readonly arguments?: { readonly [name: string]: Json } | null;
  readonly success: boolean;
  readonly duration_ms: number;
}

export interface AnswerUsage {
  readonly tokens_input: number;
  readonly tokens_output: number;
  readonly cost: number;
}

export interface AnsweringModel {
  readonly provider: string;
  readonly model: string;
  readonly uses_own_account: boolean;
}

export interface ApiTokenItem {
  readonly id: string;
  readonly name: string;
  readonly owner: string;
  readonly role: string;
  readonly scope: "read" | "write";
  readonly client_ids: readonly string[] | null;
  readonly created_at: string;
  readonly expires_at: string;
  readonly last_used_at: string | null;
  readonly revoked_at: string | null;
}

export interface ApiTokenList {
  readonly tokens: readonly ApiTokenItem[];
}

export interface ArmResult {
  readonly name: string;
  readonly weight: number;
  readonly conversations: number;
  readonly turns: number;
  readonly turns_by_status: { readonly [name: string]: number };
  readonly completed: Estimate;
  readonly failed: Estimate;
  readonly handed_off: Estimate;
  readonly tokens_input: number;
  readonly tokens_output: number;
  readonly cost: string;
  readonly cost_per_conversation: Estimate;
  readonly latency_p50_ms: number | null;
  readonly latency_p95_ms: number | null;
  readonly thumbs_up: number;
  readonly thumbs_down: number;
  readonly rated: number;
  readonly rating: Estimate;
}

export interface ArmState {
  readonly name: string;
  readonly weight?: number;
  readonly chain?: readonly string[];
  readonly prompt?: string;
  readonly temperature?: number | null;
}

export interface AuditItem {
  readonly id: string;
  readonly actor: string;
  readonly actor_id: string | null;
  readonly actor_name: string;
  readonly action: string;
  readonly object: string;
  readonly client_id: string | null;
  readonly before: { readonly [name: string]: Json } | null;
  readonly after: { readonly [name: string]: Json } | null;
  readonly request_id: string | null;
  readonly created_at: string;
}

export interface AuditPage {
  readonly entries: readonly AuditItem[];
  readonly next: string | null;
}

export interface AvailableChannel {
  readonly id: string;
  readonly plugin: string;
  readonly is_on: boolean;
  readonly settings_schema: { readonly [name: string]: Json };
  readonly groups: readonly ({ readonly [name: string]: Json })[];
}

export interface Branding {
  readonly title?: string | null;
  readonly greeting?: string | null;
  readonly primary_color?: string | null;
  readonly position?: "bottom-right" | "bottom-left" | "top-right" | "top-left" | null;
  readonly theme?: "auto" | "light" | "dark" | null;
  readonly logo_url?: string | null;
  readonly quick_replies?: readonly string[];
  readonly link_hosts?: readonly string[] | null;
  readonly image_hosts?: readonly string[] | null;
  readonly ai_notice?: "shown" | "hidden";
  readonly ai_notice_text?: string | null;
  readonly privacy_text?: string | null;
  readonly privacy_url?: string | null;
  readonly consent?: "not_needed" | "required";
  readonly handoff?: boolean;
  readonly email_follow_up?: boolean;
  readonly feedback?: boolean;
  readonly rating?: boolean;
  readonly transcript?: boolean;
}

export interface Call {
  readonly id: string;
  readonly call_id: string;
  readonly tool_name: string;
  readonly session_id: string;
  readonly turn_id: string;
  readonly status: "waiting" | "declined" | "replaced" | "intended" | "succeeded" | "failed" | "refused" | "unknown";
  readonly arguments: { readonly [name: string]: Json };
  readonly response: string | null;
  readonly duration_ms: number | null;
  readonly timestamp: string;
}

export interface Calls {
  readonly calls: readonly Call[];
  readonly next: string | null;
}

export interface CatalogModel {
  readonly provider: string;
  readonly model: string;
  readonly is_default: boolean;
  readonly is_embedding: boolean;
  readonly context_window: number | null;
  readonly has_tools: boolean;
  readonly can_write: boolean;
  readonly takes_temperature: boolean;
  readonly price: Price | null;
  readonly coming: readonly ScheduledPrice[];
}

export interface Changed {
  readonly changed: boolean;
}

export interface CheaperModel {
  readonly provider: string;
  readonly model: string;
  readonly cost: string;
  readonly saving_per_month: string;
  readonly saving_share: number;
  readonly is_set_up: boolean;
  readonly context_window: number | null;
  readonly unknown: readonly string[];
}

export interface Citation {
  readonly title: string;
  readonly url: string;
}

export interface ClientChannels {
  readonly available: readonly AvailableChannel[];
  readonly accounts: readonly AccountState[];
}

export interface ClientCost {
  readonly client_id: string;
  readonly name: string;
  readonly calls: number;
  readonly tokens_input: number;
  readonly tokens_output: number;
  readonly cost: string;
}

export interface ClientCount {
  readonly total: number;
  readonly active: number;
}

export interface ClientDay {
  readonly date: string;
  readonly conversations: number;
  readonly messages: number;
  readonly tool_calls: number;
  readonly tokens_input: number;
  readonly tokens_output: number;
  readonly cost: string;
}

export interface ClientEmbeddings {
  readonly model: string | null;
  readonly dimensions: number | null;
  readonly min_similarity: number | null;
  readonly source: "client" | "installation";
  readonly using: string | null;
  readonly reason: string | null;
  readonly passages: number;
  readonly embedded: number;
  readonly given_up: number;
  readonly latest_given_up: readonly GivenUpPassage[];
  readonly is_complete: boolean;
  readonly error: string | null;
  readonly retry_at: string | null;
}

export interface ClientIntegrations {
  readonly integrations: readonly ConnectionState[];
  readonly available: readonly IntegrationType[];
}

export interface ClientKey {
  readonly id: string;
  readonly kind: "publishable" | "secret";
  readonly hint: string;
  readonly created_at: string;
  readonly expires_at: string | null;
  readonly is_valid: boolean;
}

export interface ClientKeys {
  readonly keys: readonly ClientKey[];
}

export interface ClientName {
  readonly name: string;
}

export interface ClientPage {
  readonly clients: readonly ListedClient[];
  readonly counts: StatusCounts;
  readonly next: string | null;
}

export interface ClientPluginState {
  readonly id: string;
  readonly kinds: readonly string[];
  readonly version: string;
  readonly enabled: boolean;
  readonly state: "on" | "off" | "unusable";
  readonly is_on_by_default: boolean;
  readonly fault: Fault | null;
  readonly settings: { readonly [name: string]: Json };
  readonly fields: { readonly [name: string]: SettingField };
  readonly settings_schema: { readonly [name: string]: Json };
  readonly groups: readonly FieldGroup[];
  readonly revision: number;
  readonly can_undo: boolean;
  readonly updated_at: string | null;
}

export interface ClientPluginStates {
  readonly plugins: readonly ClientPluginState[];
}

export interface ClientProfile {
  readonly id: string;
  readonly name: string;
  readonly domain: string;
  readonly origins: readonly string[];
  readonly plan: string;
  readonly status: "active" | "inactive";
  readonly timezone: string;
  readonly created_at: string;
  readonly settings: ClientSettings;
  readonly defaults: ClientSettings;
}

export interface ClientProviders {
  readonly chain: readonly string[];
  readonly source: "client" | "plan" | "installation";
  readonly routing: RoutingState | null;
  readonly plan: PlanProvidersState;
  readonly answering: readonly AnsweringModel[];
  readonly answering_simple: readonly AnsweringModel[];
  readonly threshold: number;
  readonly left_out: readonly csai__providers__schemas__LeftOut[];
}

export interface ClientSettings {
  readonly provider: string | null;
  readonly model: string | null;
  readonly prompt: string | null;
  readonly tone: string | null;
  readonly response_cache: boolean | null;
  readonly compression: boolean | null;
  readonly message_days: number | null;
  readonly tool_log_days: number | null;
  readonly client_rate: number | null;
  readonly visitor_rate: number | null;
}

export interface ClientStatistics {
  readonly client_id: string;
  readonly first: string;
  readonly last: string;
  readonly total: ClientDay;
  readonly days: readonly ClientDay[];
}

export interface ClientTool {
  readonly name: string;
  readonly tag: string;
  readonly description: string;
  readonly category: string;
  readonly backend: string;
  readonly plugin: string | null;
  readonly read_only: boolean;
  readonly private: boolean;
  readonly confirm: boolean;
  readonly parameters_schema: { readonly [name: string]: Json };
  readonly enabled: boolean;
  readonly has_webhook: boolean;
  readonly timeout_s: number;
  readonly source: string | null;
  readonly fingerprint: string | null;
  readonly gone: boolean;
  readonly changed: boolean;
  readonly obstacles: readonly string[];
  readonly calls: number;
  readonly success_rate: number | null;
  readonly mean_ms: number | null;
  readonly longest_ms: number | null;
}

export interface ClientTools {
  readonly tools: readonly ClientTool[];
  readonly sources: readonly ToolSource[];
}

export interface ClientUsage {
  readonly client_id: string;
  readonly first: string;
  readonly last: string;
  readonly total: Spending;
  readonly providers: readonly ProviderUsage[];
}

export interface Comparison {
  readonly arm: string;
  readonly measure: "completed" | "failed" | "handed_off" | "cost_per_conversation" | "rating";
  readonly difference: Estimate;
  readonly verdict: "too_few" | "no_difference_shown" | "lower" | "higher";
}

export interface Confirmation {
  readonly id: string;
  readonly tool: string;
  readonly title: string;
  readonly details: readonly ConfirmationDetail[];
  readonly expires_at: string;
}

export interface ConfirmationDetail {
  readonly label: string;
  readonly value: string;
}

export interface ConnectionState {
  readonly id: string;
  readonly type: string;
  readonly name: string;
  readonly enabled: boolean;
  readonly state: "on" | "off" | "unusable";
  readonly fault: Fault | null;
  readonly obstacles: readonly string[];
  readonly settings: { readonly [name: string]: Json };
  readonly fields: { readonly [name: string]: SettingField };
  readonly last_sync_test: string | null;
  readonly last_test_ok: boolean | null;
  readonly last_test_detail: string | null;
  readonly revision: number;
  readonly created_at: string;
  readonly updated_at: string | null;
}

export interface ConsentUrl {
  readonly url: string;
}

export interface ConversationDetail {
  readonly conversation: ConversationItem;
  readonly messages: readonly TranscriptMessage[];
  readonly turns: readonly TurnView[];
  readonly feedback: readonly FeedbackView[];
  readonly next_messages: number | null;
  readonly previous: string | null;
  readonly next: string | null;
}

export interface ConversationItem {
  readonly id: string;
  readonly client_id: string;
  readonly client_name: string;
  readonly session_id: string;
  readonly state: "ai" | "queued" | "teammate" | "closed";
  readonly since: string | null;
  readonly teammate: string | null;
  readonly ended_at: string | null;
  readonly channel: string;
  readonly visitor: string | null;
  readonly email: string | null;
  readonly started_at: string;
  readonly last_message_at: string;
  readonly messages: number;
  readonly tokens: number;
  readonly cost: string;
  readonly tool_calls: number;
  readonly failed_tool_calls: number;
  readonly thumbs_down: number;
  readonly rating: number | null;
  readonly last_message: LastMessage | null;
}

export interface ConversationItems {
  readonly conversations: readonly ConversationItem[];
  readonly next: string | null;
}

export interface ConversationPage {
  readonly conversations: readonly ConversationSummary[];
  readonly next: string | null;
}

export interface ConversationSummary {
  readonly id: string;
  readonly session_id: string;
  readonly state: "ai" | "queued" | "teammate" | "closed";
  readonly since: string | null;
  readonly teammate: string | null;
  readonly channel: string;
  readonly visitor: string | null;
  readonly email: string | null;
  readonly messages: number;
  readonly started_at: string;
  readonly last_message_at: string;
}

export interface ConversationView {
  readonly conversation: ConversationSummary;
  readonly messages: readonly AnswerMessage[];
  readonly next: number | null;
}

export interface Dashboard {
  readonly as_of: string;
  readonly days: number;
  readonly clients: ClientCount;
  readonly total: Used;
  readonly today: Today;
  readonly series: readonly SeriesDay[];
  readonly outcomes: { readonly [name: string]: number };
  readonly tools: readonly ToolFigures[];
  readonly models: readonly ModelCost[];
  readonly by_client: readonly ClientCost[];
  readonly savings: Savings;
  readonly plugins: readonly FailingPlugin[];
  readonly limits: readonly NearLimit[];
  readonly activity: readonly Activity[];
}

export interface DeletedTool {
  readonly deleted: string;
}

export interface DifficultyBand {
  readonly least: number;
  readonly turns: number;
  readonly was_simple: number;
  readonly escalated: number;
}

export interface EndpointState {
  readonly name: string;
  readonly is_ready: boolean;
  readonly url: string;
  readonly method: string;
  readonly description: string;
  readonly parameters_schema: { readonly [name: string]: Json };
  readonly request: { readonly [name: string]: Json };
  readonly is_private: boolean;
  readonly visitor_parameters: readonly string[];
  readonly cache_s: number;
  readonly revision: number;
  readonly tool: OfferedTool | null;
}

export interface EndpointStates {
  readonly endpoints: readonly EndpointState[];
}

export interface Enrolment {
  readonly secret: string;
  readonly uri: string;
}

export interface Estimate {
  readonly value: number | null;
  readonly low: number | null;
  readonly high: number | null;
}

export interface ExperimentResults {
  readonly experiment: ExperimentState;
  readonly arms: readonly ArmResult[];
  readonly comparisons: readonly Comparison[];
  readonly statement: string;
  readonly is_cut: boolean;
}

export interface ExperimentState {
  readonly id: string;
  readonly name: string;
  readonly status: "draft" | "running" | "stopped";
  readonly arms: readonly ArmState[];
  readonly created_at: string;
  readonly started_at: string | null;
  readonly stopped_at: string | null;
}

export interface Experiments {
  readonly experiments: readonly ExperimentState[];
}

export interface FailingPlugin {
  readonly id: string;
  readonly state: "degraded" | "quarantined";
  readonly cause: string;
  readonly remedy: string;
}

export interface Fault {
  readonly code: string;
  readonly cause: string;
  readonly remedy: string;
}

export interface FeedbackEntry {
  readonly session_id: string;
  readonly message_id: string | null;
  readonly thumb: "up" | "down" | null;
  readonly rating: number | null;
  readonly comment: string;
  readonly updated_at: string;
  readonly id: string;
  readonly author: string | null;
  readonly answer: string | null;
}

export interface FeedbackPage {
  readonly feedback: readonly FeedbackEntry[];
  readonly next: string | null;
}

export interface FeedbackSummary {
  readonly days: number;
  readonly thumbs_up: number;
  readonly thumbs_down: number;
  readonly ratings: { readonly [name: string]: number };
  readonly average_rating: number | null;
}

export interface FeedbackView {
  readonly message_id: string | null;
  readonly value: number;
  readonly comment: string;
  readonly updated_at: string;
}

export interface FieldGroup {
  readonly title: string;
  readonly fields: readonly string[];
}

export interface GivenUpPassage {
  readonly id: string;
  readonly title: string;
  readonly error: string;
  readonly tries: number;
  readonly tried_at: string;
}

export interface HealthCheck {
  readonly name: "event loop" | "database" | "redis" | "workers" | "jobs" | "plugins" | "providers" | "disk";
  readonly state: "ok" | "warning" | "failed";
  readonly detail: string;
  readonly remedy: string | null;
}

export interface HealthReport {
  readonly state: "ok" | "warning" | "failed";
  readonly checks: readonly HealthCheck[];
  readonly versions: Versions;
}

export interface ImportOutcome {
  readonly added: readonly string[];
  readonly skipped: readonly SkippedOperation[];
}

export interface InstallationModel {
  readonly calls: number;
  readonly tokens_input: number;
  readonly tokens_output: number;
  readonly tokens_cache_read: number;
  readonly tokens_cache_write: number;
  readonly cost: string;
  readonly saved: string;
  readonly estimated_calls: number;
  readonly unpriced_calls: number;
  readonly provider: string;
  readonly model: string;
  readonly clients: number;
}

export interface InstallationProvider {
  readonly calls: number;
  readonly tokens_input: number;
  readonly tokens_output: number;
  readonly tokens_cache_read: number;
  readonly tokens_cache_write: number;
  readonly cost: string;
  readonly saved: string;
  readonly estimated_calls: number;
  readonly unpriced_calls: number;
  readonly provider: string;
  readonly models: readonly InstallationModel[];
}

export interface InstallationUsage {
  readonly first: string;
  readonly last: string;
  readonly total: Spending;
  readonly providers: readonly InstallationProvider[];
  readonly clients: readonly SpendingClient[];
}

export interface InstalledPlugin {
  readonly id: string;
  readonly kinds: readonly string[];
  readonly distribution: string;
  readonly version: string;
  readonly state: string;
  readonly cause: string | null;
  readonly remedy: string | null;
  readonly is_on_by_default: boolean;
}

export interface InstalledPlugins {
  readonly plugins: readonly InstalledPlugin[];
}

export interface IntegrationType {
  readonly type: string;
  readonly plugin: string;
  readonly is_plugin_on: boolean;
  readonly settings_schema: { readonly [name: string]: Json };
  readonly groups: readonly FieldGroup[];
}

export interface InvitedAdmin {
  readonly admin: AdminItem;
  readonly link: AdminLinkItem;
}

export interface InvoicePage {
  readonly invoices: readonly InvoiceSummary[];
  readonly next: string | null;
}

export interface InvoiceState {
  readonly id: string;
  readonly client_id: string;
  readonly billing_period: string;
  readonly plan_type: string;
  readonly currency: string;
  readonly base_cost: string;
  readonly usage_cost: string;
  readonly total_cost: string;
  readonly amount_due: string;
  readonly status: "pending" | "paid" | "overdue" | "disputed" | "refunded" | "void";
  readonly payment_provider: string | null;
  readonly payment_provider_id: string | null;
  readonly payment_method: string | null;
  readonly created_at: string;
  readonly due_at: string;
  readonly paid_at: string | null;
  readonly ledger_cost_usd: string;
  readonly usage_rate: string;
  readonly amount_paid: string;
  readonly amount_refunded: string;
  readonly amount_overpaid: string;
  readonly payments: readonly PaymentState[];
  readonly refunds: readonly RefundState[];
}

export interface InvoiceSummary {
  readonly id: string;
  readonly client_id: string;
  readonly billing_period: string;
  readonly plan_type: string;
  readonly currency: string;
  readonly base_cost: string;
  readonly usage_cost: string;
  readonly total_cost: string;
  readonly amount_due: string;
  readonly status: "pending" | "paid" | "overdue" | "disputed" | "refunded" | "void";
  readonly payment_provider: string | null;
  readonly payment_provider_id: string | null;
  readonly payment_method: string | null;
  readonly created_at: string;
  readonly due_at: string;
  readonly paid_at: string | null;
}

export interface JobFailure {
  readonly client_id: string;
  readonly cause: string;
}

export interface JobQueue {
  readonly name: "deliveries" | "channel_inbox" | "channel_outbox";
  readonly waiting: number;
  readonly due: number;
  readonly failed: number;
  readonly oldest_due_at: string | null;
}

export interface JobRunState {
  readonly id: string;
  readonly status: "asked" | "running" | "succeeded" | "failed";
  readonly clients: number;
  readonly failures: readonly JobFailure[];
  readonly began_at: string;
  readonly ended_at: string | null;
}

export interface JobState {
  readonly name: string;
  readonly every_s: number;
  readonly next_at: string;
  readonly is_for_busy: boolean;
  readonly runs: readonly JobRunState[];
}

export interface JobWorker {
  readonly id: string;
  readonly kind: "in_process" | "worker";
  readonly started_at: string;
  readonly is_alive: boolean;
}

export interface Jobs {
  readonly jobs: readonly JobState[];
  readonly workers: readonly JobWorker[];
  readonly queues: readonly JobQueue[];
}

export interface LastMessage {
  readonly author: string;
  readonly text: string;
  readonly created_at: string;
}

export interface LinkOwner {
  readonly email: string | null;
}

export interface ListedClient {
  readonly id: string;
  readonly name: string;
  readonly domain: string;
  readonly plan: string;
  readonly status: "active" | "inactive";
  readonly created_at: string;
  readonly last_activity_at: string | null;
  readonly conversations: number;
  readonly messages: number;
  readonly cost: string;
}

export interface LoggedOut {
  readonly signed_out: boolean;
}

export interface LoginAnswer {
  readonly admin: AdminProfile;
  readonly expires_at: string;
  readonly token: string;
  readonly token_type?: "bearer";
}

export interface MadeApiToken {
  readonly id: string;
  readonly name: string;
  readonly owner: string;
  readonly role: string;
  readonly scope: "read" | "write";
  readonly client_ids: readonly string[] | null;
  readonly created_at: string;
  readonly expires_at: string;
  readonly last_used_at: string | null;
  readonly revoked_at: string | null;
  readonly token: string;
}

export interface MadeClient {
  readonly id: string;
  readonly publishable_key: string;
  readonly secret_key: string;
  readonly identity_secret: string;
  readonly embed_code: string;
}

export interface MadeKey {
  readonly key: string;
  readonly id: string;
  readonly old_keys_until: string;
  readonly embed_code: string | null;
}

export interface MaybeSignedIn {
  readonly signed_in: SignedInAnswer | null;
}

export interface ModelCost {
  readonly provider: string;
  readonly model: string;
  readonly calls: number;
  readonly tokens_input: number;
  readonly tokens_output: number;
  readonly cost: string;
}

export interface ModelRound {
  readonly provider: string;
  readonly model: string;
  readonly start_ms: number | null;
  readonly first_text_ms: number | null;
  readonly duration_ms: number | null;
  readonly tokens_input: number;
  readonly tokens_output: number;
  readonly tokens_cache_read: number;
  readonly cost: string;
  readonly is_estimated: boolean;
  readonly is_embedding: boolean;
}

export interface ModelUsage {
  readonly calls: number;
  readonly tokens_input: number;
  readonly tokens_output: number;
  readonly tokens_cache_read: number;
  readonly tokens_cache_write: number;
  readonly cost: string;
  readonly saved: string;
  readonly estimated_calls: number;
  readonly unpriced_calls: number;
  readonly provider: string;
  readonly model: string;
}

export interface Models {
  readonly models: readonly CatalogModel[];
}

export interface NearLimit {
  readonly client_id: string;
  readonly client: string;
  readonly metric: string;
  readonly used: number;
  readonly limit: number;
  readonly part: number;
}

export interface Notices {
  readonly ai: AiNotice;
  readonly privacy: PrivacyNotice;
  readonly is_consent_required: boolean;
}

export interface OfferedTool {
  readonly tool_name: string;
  readonly enabled: boolean;
}

export interface OidcMethod {
  readonly label: string;
}

export interface OidcUrl {
  readonly url: string;
}

export interface PauseState {
  readonly is_paused: boolean;
  readonly is_spending_stopped: boolean;
}

export interface PayerState {
  readonly gateway: string;
  readonly customer: string;
  readonly method: string;
  readonly gateways: readonly string[];
}

export interface PaymentState {
  readonly id: string;
  readonly attempt: number;
  readonly gateway: string;
  readonly gateway_payment_id: string | null;
  readonly status: string;
  readonly amount: string;
  readonly refunded: string;
  readonly method: string;
  readonly redirect_url: string;
  readonly reason: string;
  readonly dispute: string;
  readonly created_at: string;
  readonly updated_at: string;
}

export interface PlanItem {
  readonly plan: string;
  readonly base: string;
  readonly currency: string;
  readonly usage_rate: string;
  readonly title: string;
  readonly clients: number;
  readonly limits: { readonly [name: string]: number };
}

export interface PlanList {
  readonly plans: readonly PlanItem[];
}

export interface PlanPriceState {
  readonly plan: string;
  readonly base: string;
  readonly currency: string;
  readonly usage_rate: string;
}

export interface PlanProvidersState {
  readonly name: string;
  readonly chain: readonly string[];
  readonly models: readonly string[] | null;
  readonly may_choose: boolean;
  readonly simple: readonly string[];
  readonly threshold: number;
}

export interface PluginPreview {
  readonly plugin: string;
  readonly enabled_now: boolean;
  readonly enabled_then: boolean;
  readonly tools: PreviewedTools;
  readonly providers: PreviewedChain;
  readonly locales: PreviewedNames;
  readonly hooks: PreviewedNames;
  readonly warnings: readonly string[];
}

export interface PreviewedChain {
  readonly now: readonly string[];
  readonly then: readonly string[];
}

export interface PreviewedNames {
  readonly gone: readonly string[];
  readonly added: readonly string[];
}

export interface PreviewedTools {
  readonly gone: readonly string[];
  readonly added: readonly string[];
  readonly available: readonly string[];
}

export interface Price {
  readonly input: string;
  readonly output: string;
  readonly cache_read: string | null;
  readonly cache_write: string | null;
  readonly source: string;
}

export interface PriceState {
  readonly provider: string;
  readonly model: string;
  readonly price: Price | null;
  readonly schedule: readonly ScheduledPrice[];
}

export interface PrivacyNotice {
  readonly text: string | null;
  readonly url: string | null;
}

export interface ProviderUsage {
  readonly calls: number;
  readonly tokens_input: number;
  readonly tokens_output: number;
  readonly tokens_cache_read: number;
  readonly tokens_cache_write: number;
  readonly cost: string;
  readonly saved: string;
  readonly estimated_calls: number;
  readonly unpriced_calls: number;
  readonly provider: string;
  readonly models: readonly ModelUsage[];
}

export interface Recommendation {
  readonly client_id: string;
  readonly first: string;
  readonly last: string;
  readonly days: number;
  readonly calls: number;
  readonly estimated_calls: number;
  readonly unpriced_calls: number;
  readonly cost: string;
  readonly largest_call: number;
  readonly needs_tools: boolean;
  readonly cheaper: readonly CheaperModel[];
  readonly left_out: csai__providers__recommendation_schemas__LeftOut;
  readonly statement: string;
}

export interface RecoveryCodes {
  readonly codes: readonly string[];
}

export interface RefundState {
  readonly payment_id: string;
  readonly number: number;
  readonly amount: string;
  readonly status: string;
  readonly reason: string;
  readonly created_at: string;
}

export interface RefusedTool {
  readonly name: string;
  readonly reason: string;
}

export interface RetriedDeliveries {
  readonly repeated: number;
  readonly kept: number;
}

export interface RevokedApiToken {
  readonly revoked: string;
}

export interface RoutingDecision {
  readonly turn_id: string;
  readonly accepted_at: string;
  readonly status: string;
  readonly rules: number;
  readonly features: { readonly [name: string]: Json };
  readonly difficulty: number;
  readonly threshold: number;
  readonly chosen: "simple" | "chain";
  readonly simple: string;
  readonly chain: string;
  readonly escalation: "failed" | "no_answer" | "action" | "look_up" | null;
  readonly simple_calls: number;
}

export interface RoutingDecisions {
  readonly decisions: readonly RoutingDecision[];
  readonly next: string | null;
}

export interface RoutingReplay {
  readonly days: number;
  readonly threshold: number;
  readonly simple_model: string;
  readonly turns: number;
  readonly other_rules: number;
  readonly is_cut: boolean;
  readonly simple_before: Share;
  readonly simple_after: Share;
  readonly to_simple: Share;
  readonly to_chain: Share;
  readonly escalated: Share;
  readonly cost_before: string;
  readonly cost_after: string;
  readonly unpriced: number;
  readonly bands: readonly DifficultyBand[];
}

export interface RoutingState {
  readonly simple: readonly string[];
  readonly threshold: number;
}

export interface Said {
  readonly session_id: string;
  readonly message: AnswerMessage;
}

export interface Savings {
  readonly response_cache_answers: number;
  readonly response_cache_tokens: number;
  readonly response_cache: string;
  readonly prompt_cache_tokens: number;
  readonly prompt_cache: string;
  readonly routing_messages: number;
  readonly routing: string;
}

export interface ScheduledPrice {
  readonly effective_from: string;
  readonly input: string | null;
  readonly output: string | null;
  readonly cache_read: string | null;
  readonly cache_write: string | null;
}

export interface SchemaFaultItem {
  readonly path: string;
  readonly message: string;
}

export interface SchemaVerdict {
  readonly faults: readonly SchemaFaultItem[];
}

export interface SeriesDay {
  readonly conversations: number;
  readonly messages: number;
  readonly tool_calls: number;
  readonly tokens_input: number;
  readonly tokens_output: number;
  readonly cost: string;
  readonly date: string;
}

export interface SessionItem {
  readonly id: string;
  readonly agent: string;
  readonly created_at: string;
  readonly expires_at: string;
  readonly is_this: boolean;
}

export interface SessionList {
  readonly sessions: readonly SessionItem[];
}

export interface SettingField {
  readonly is_secret: boolean;
  readonly source: "client" | "environment" | "default";
  readonly is_set: boolean;
  readonly env: string | null;
  readonly is_env_set: boolean;
}

export interface Share {
  readonly turns: number;
  readonly share: number;
}

export interface SharedTool {
  readonly name: string;
  readonly calls: number;
  readonly success_rate: number | null;
  readonly p50_ms: number | null;
  readonly p95_ms: number | null;
  readonly tag: string;
  readonly description: string;
  readonly category: string;
  readonly parameters_schema: { readonly [name: string]: Json };
  readonly backend: string;
  readonly plugin: string | null;
  readonly read_only: boolean;
  readonly idempotent: boolean;
  readonly private: boolean;
  readonly confirm: boolean;
  readonly clients: number;
}

export interface SharedToolDetail {
  readonly name: string;
  readonly calls: number;
  readonly success_rate: number | null;
  readonly p50_ms: number | null;
  readonly p95_ms: number | null;
  readonly tag: string;
  readonly description: string;
  readonly category: string;
  readonly parameters_schema: { readonly [name: string]: Json };
  readonly backend: string;
  readonly plugin: string | null;
  readonly read_only: boolean;
  readonly idempotent: boolean;
  readonly private: boolean;
  readonly confirm: boolean;
  readonly clients: number;
  readonly users: readonly ToolUser[];
  readonly days: readonly ToolUseDay[];
}

export interface SharedTools {
  readonly tools: readonly SharedTool[];
  readonly backends: readonly string[];
}

export interface SignInMethods {
  readonly oidc: OidcMethod | null;
}

export interface SignedInAnswer {
  readonly admin: AdminProfile;
  readonly expires_at: string;
}

export interface SkippedOperation {
  readonly name: string;
  readonly reason: string;
}

export interface SourceListing {
  readonly backend: string;
  readonly source: string;
  readonly tools: number;
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly returned: readonly string[];
  readonly gone: readonly string[];
  readonly refused: readonly RefusedTool[];
  readonly problem: string;
}

export interface Spending {
  readonly calls: number;
  readonly tokens_input: number;
  readonly tokens_output: number;
  readonly tokens_cache_read: number;
  readonly tokens_cache_write: number;
  readonly cost: string;
  readonly saved: string;
  readonly estimated_calls: number;
  readonly unpriced_calls: number;
}

export interface SpendingClient {
  readonly client_id: string;
  readonly name: string;
  readonly calls: number;
  readonly tokens_input: number;
  readonly tokens_output: number;
  readonly cost: string;
}

export interface SpendingState {
  readonly stopped_since: string | null;
}

export interface StatusCounts {
  readonly active: number;
  readonly inactive: number;
}

export interface TestOutcome {
  readonly is_ok: boolean;
  readonly detail: string;
}

export interface Today {
  readonly used: Used;
  readonly yesterday: Used;
  readonly week_mean: Used;
}

export interface ToolEvent {
  readonly id: string;
  readonly at: string;
  readonly actor: string;
  readonly action: string;
  readonly client_id: string | null;
  readonly before: { readonly [name: string]: Json } | null;
  readonly after: { readonly [name: string]: Json } | null;
}

export interface ToolFigures {
  readonly name: string;
  readonly calls: number;
  readonly success_rate: number | null;
  readonly p50_ms: number | null;
  readonly p95_ms: number | null;
}

export interface ToolHistory {
  readonly events: readonly ToolEvent[];
  readonly next: string | null;
}

export interface ToolListings {
  readonly sources: readonly SourceListing[];
}

export interface ToolSource {
  readonly backend: string;
  readonly source: string;
  readonly tools: number;
  readonly refused: readonly RefusedTool[];
  readonly problem: string;
  readonly listed_at: string;
}

export interface ToolUseDay {
  readonly date: string;
  readonly calls: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly refused: number;
  readonly unknown: number;
  readonly p50_ms: number | null;
  readonly p95_ms: number | null;
}

export interface ToolUser {
  readonly name: string;
  readonly calls: number;
  readonly success_rate: number | null;
  readonly p50_ms: number | null;
  readonly p95_ms: number | null;
  readonly client_id: string;
}

export interface TranscriptMessage {
  readonly id: string;
  readonly role: string;
  readonly author: string;
  readonly content: string;
  readonly created_at: string;
  readonly turn_id: string | null;
}

export interface TrialConfirmations {
  readonly session_id: string;
  readonly confirmations: readonly Confirmation[];
}

export interface TrialOutcome {
  readonly status: "succeeded" | "failed" | "unknown";
  readonly response: string;
  readonly duration_ms: number;
}

export interface TrialRound {
  readonly provider: string;
  readonly duration_ms: number;
  readonly request: { readonly [name: string]: Json };
  readonly response: { readonly [name: string]: Json } | null;
  readonly error: string | null;
}

export interface TrialRounds {
  readonly session_id: string;
  readonly turns: readonly TrialTurnRounds[];
}

export interface TrialTurnRounds {
  readonly turn_id: string;
  readonly rounds: readonly TrialRound[];
}

export interface TurnAnswer {
  readonly session_id: string;
  readonly session_token: string;
  readonly turn_id: string;
  readonly status: string;
  readonly message: AnswerMessage;
  readonly tool_calls: readonly AnswerToolCall[];
  readonly confirmations: readonly Confirmation[];
  readonly usage?: AnswerUsage | null;
  readonly citations: readonly Citation[];
}

export interface TurnToolCall {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly start_ms: number;
  readonly duration_ms: number | null;
  readonly arguments: { readonly [name: string]: Json } | null;
  readonly response: string | null;
  readonly is_redacted: boolean;
}

export interface TurnView {
  readonly id: string;
  readonly status: string;
  readonly accepted_at: string;
  readonly duration_ms: number | null;
  readonly first_text_ms: number | null;
  readonly rounds: readonly ModelRound[];
  readonly tool_calls: readonly TurnToolCall[];
}

export interface UsageHistory {
  readonly client_id: string;
  readonly first: string;
  readonly last: string;
  readonly days: readonly UsedDay[];
}

export interface Used {
  readonly conversations: number;
  readonly messages: number;
  readonly tool_calls: number;
  readonly tokens_input: number;
  readonly tokens_output: number;
  readonly cost: string;
}

export interface UsedDay {
  readonly date: string;
  readonly total: Spending;
  readonly models: readonly ModelUsage[];
}

export interface Versions {
  readonly csai: string;
  readonly python: string;
  readonly plugins: { readonly [name: string]: string };
}

export interface WebhookTaken {
  readonly status: "applied" | "repeated" | "ignored";
}

export interface WidgetConfig {
  readonly client: ClientName;
  readonly branding: { readonly [name: string]: Json };
  readonly features: { readonly [name: string]: boolean };
  readonly notices: Notices;
  readonly quick_replies: readonly string[];
  readonly locale: WidgetLocale;
}

export interface WidgetLocale {
  readonly language: string;
  readonly direction: "ltr" | "rtl";
  readonly labels: { readonly [name: string]: string };
}

export interface csai__providers__recommendation_schemas__LeftOut {
  readonly not_allowed: number;
  readonly no_tools: number;
  readonly window_too_small: number;
  readonly price_unknown: number;
  readonly not_cheaper: number;
}

export interface csai__providers__schemas__LeftOut {
  readonly model: string;
  readonly reason: string;
}

export interface Routes {
  "POST /admin/clients/{client_id}/test-chat/message": {
    path: { client_id: string };
    query: undefined;
    body: {
      readonly model?: string | null;
      readonly plugins?: { readonly [name: string]: boolean };
      readonly message: string;
      readonly session_id?: string | null;
    };
    answer: TurnAnswer;
    isTagged: false;
  };
  "POST /admin/clients/{client_id}/test-chat/confirm": {
    path: { client_id: string };
    query: undefined;
    body: {
      readonly model?: string | null;
      readonly plugins?: { readonly [name: string]: boolean };
      readonly session_id: string;
      readonly confirmation_id: string;
      readonly decision: "approve" | "decline";
    };
    answer: TurnAnswer;
    isTagged: false;
  };
  "GET /admin/clients/{client_id}/test-chat/{session_id}/confirmations": {
    path: { client_id: string; session_id: string };
    query: undefined;
    body: undefined;
    answer: TrialConfirmations;
    isTagged: false;
  };
  "GET /admin/clients/{client_id}/test-chat/{session_id}/rounds": {
    path: { client_id: string; session_id: string };
    query: undefined;
    body: undefined;
    answer: TrialRounds;
    isTagged: false;
  };
  "GET /admin/conversations": {
    path: undefined;
    query: { client_id?: string | null; state?: "ai" | "queued" | "teammate" | "closed" | null; channel?: string | null; test?: boolean; has_tools?: boolean | null; failed_tool?: boolean; thumbs_down?: boolean; rating?: number | null; visitor?: string | null; since?: string | null; until?: string | null; q?: string; cursor?: string | null; limit?: number };
    body: undefined;
    answer: ConversationItems;
    isTagged: false;
  };
  "GET /admin/conversations/export": {
    path: undefined;
    query: { client_id?: string | null; state?: "ai" | "queued" | "teammate" | "closed" | null; channel?: string | null; test?: boolean; has_tools?: boolean | null; failed_tool?: boolean; thumbs_down?: boolean; rating?: number | null; visitor?: string | null; since?: string | null; until?: string | null; q?: string };
    body: undefined;
    answer: undefined;
    isTagged: false;
  };
  "GET /admin/conversations/events": {
    path: undefined;
    query: { client_id?: string | null; conversation_id?: string | null };
    body: undefined;
    answer: undefined;
    isTagged: false;
  };
  "GET /admin/conversations/{conversation_id}": {
    path: { conversation_id: string };
    query: { client_id?: string | null; state?: "ai" | "queued" | "teammate" | "closed" | null; channel?: string | null; test?: boolean; has_tools?: boolean | null; failed_tool?: boolean; thumbs_down?: boolean; rating?: number | null; visitor?: string | null; since?: string | null; until?: string | null; q?: string; after?: number };
    body: undefined;
    answer: ConversationDetail;
    isTagged: false;
  };
  "GET /admin/dashboard": {
    path: undefined;
    query: { days?: "7" | "30" | "90" };
    body: undefined;
    answer: Dashboard;
    isTagged: false;
  };
  "GET /admin/clients/{client_id}/dashboard": {
    path: { client_id: string };
    query: { days?: "7" | "30" | "90" };
    body: undefined;
    answer: Dashboard;
    isTagged: false;
  };
  "GET /admin/jobs": {
    path: undefined;
    query: undefined;
    body: undefined;
    answer: Jobs;
    isTagged: false;
  };
  "POST /admin/jobs/{job}/run": {
    path: { job: string };
    query: undefined;
    body: undefined;
    answer: JobRunState;
    isTagged: false;
  };
  "POST /admin/jobs/deliveries/retry": {
    path: undefined;
    query: undefined;
    body: {
      readonly client_id?: string | null;
    };
    answer: RetriedDeliveries;
    isTagged: false;
  };
  "GET /admin/health": {
    path: undefined;
    query: undefined;
    body: undefined;
    answer: HealthReport;
    isTagged: false;
  };
  "GET /api/config": {
    path: undefined;
    query: { lang?: string | null };
    body: undefined;
    answer: WidgetConfig;
    isTagged: false;
  };
  "GET /admin/clients": {
    path: undefined;
    query: { search?: string; status?: "active" | "inactive" | null; plan?: string | null; sort?: "name" | "-name" | "created" | "-created" | "activity" | "-activity"; after?: string | null; limit?: number };
    body: undefined;
    answer: ClientPage;
    isTagged: false;
  };
  "POST /admin/clients": {
    path: undefined;
    query: undefined;
    body: {
      readonly name: string;
      readonly origins?: readonly string[];
      readonly domain?: string | null;
      readonly plan?: string;
    };
    answer: MadeClient;
    isTagged: false;
  };
  "GET /admin/clients/{client_id}": {
    path: { client_id: string };
    query: undefined;
    body: undefined;
    answer: ClientProfile;
    isTagged: false;
  };
  "PATCH /admin/clients/{client_id}": {
    path: { client_id: string };
    query: undefined;
    body: {
      readonly name?: string | null;
      readonly domain?: string | null;
      readonly origins?: readonly string[] | null;
      readonly settings?: {
        readonly provider?: string | null;
        readonly model?: string | null;
        readonly prompt?: string | null;
        readonly tone?: string | null;
        readonly response_cache?: boolean | null;
        readonly compression?: boolean | null;
        readonly message_days?: number | null;
        readonly tool_log_days?: number | null;
        readonly client_rate?: number | null;
        readonly visitor_rate?: number | null;
      } | null;
    };
    answer: ClientProfile;
    isTagged: true;
  };
  "POST /admin/clients/{client_id}/deactivate": {
    path: { client_id: string };
    query: undefined;
    body: undefined;
    answer: ClientProfile;
    isTagged: false;
  };
  "POST /admin/clients/{client_id}/activate": {
    path: { client_id: string };
    query: undefined;
    body: undefined;
    answer: ClientProfile;
    isTagged: false;
  };
  "GET /admin/clients/{client_id}/statistics": {
    path: { client_id: string };
    query: { first?: string | null; last?: string | null };
    body: undefined;
    answer: ClientStatistics;
    isTagged: false;
  };
  "GET /admin/clients/{client_id}/keys": {
    path: { client_id: string };
    query: undefined;
    body: undefined;
    answer: ClientKeys;
    isTagged: false;
  };
  "POST /admin/clients/{client_id}/keys": {
    path: { client_id: string };
    query: undefined;
    body: {
      readonly kind: "publishable" | "secret";
      readonly overlap_hours?: number;
    };
    answer: MadeKey;
    isTagged: false;
  };
  "DELETE /admin/clients/{client_id}/keys/{key_id}": {
    path: { client_id: string; key_id: string };
    query: undefined;
    body: undefined;
    answer: ClientKeys;
    isTagged: false;
  };
  "GET /admin/clients/{client_id}/branding": {
    path: { client_id: string };
    query: undefined;
    body: undefined;
    answer: Branding;
    isTagged: false;
  };
  "PUT /admin/clients/{client_id}/branding": {
    path: { client_id: string };
    query: undefined;
    body: {
      readonly title?: string | null;
      readonly greeting?: string | null;
      readonly primary_color?: string | null;
      readonly position?: "bottom-right" | "bottom-left" | "top-right" | "top-left" | null;
      readonly theme?: "auto" | "light" | "dark" | null;
      readonly logo_url?: string | null;
      readonly quick_replies?: readonly string[];
      readonly link_hosts?: readonly string[] | null;
      readonly image_hosts?: readonly string[] | null;
      readonly ai_notice?: "shown" | "hidden";
      readonly ai_notice_text?: string | null;
      readonly privacy_text?: string | null;
      readonly privacy_url?: string | null;
      readonly consent?: "not_needed" | "required";
      readonly handoff?: boolean;
      readonly email_follow_up?: boolean;
      readonly feedback?: boolean;
      readonly rating?: boolean;
      readonly transcript?: boolean;
    };
    answer: Branding;
    isTagged: true;
  };
  "GET /admin/clients/{client_id}/pause": {
    path: { client_id: string };
    query: undefined;
    body: undefined;
    answer: PauseState;
    isTagged: false;
  };
  "POST /admin/clients/{client_id}/pause": {
    path: { client_id: string };
    query: undefined;
    body: undefined;
    answer: PauseState;
    isTagged: false;
  };
  "DELETE /admin/clients/{client_id}/pause": {
    path: { client_id: string };
    query: undefined;
    body: undefined;
    answer: PauseState;
    isTagged: false;
  };
  "GET /admin/spending/stop": {
    path: undefined;
    query: undefined;
    body: undefined;
    answer: SpendingState;
    isTagged: false;
  };
  "POST /admin/spending/stop": {
    path: undefined;
    query: undefined;
    body: undefined;
    answer: SpendingState;
    isTagged: false;
  };
  "DELETE /admin/spending/stop": {
    path: undefined;
    query: undefined;
    body: undefined;
    answer: SpendingState;
    isTagged: false;
  };
  "GET /admin/clients/{client_id}/feedback": {
    path: { client_id: string };
    query: { kind?: "answer" | "conversation" | null; value?: number | null; before?: string | null; limit?: number };
    body: undefined;
    answer: FeedbackPage;
    isTagged: false;
  };
  "GET /admin/clients/{client_id}/feedback/summary": {
    path: { client_id: string };
    query: { days?: number };
    body: undefined;
    answer: FeedbackSummary;
    isTagged: false;
  };
  "GET /admin/clients/{client_id}/conversations": {
    path: { client_id: string };
    query: { state?: "ai" | "queued" | "teammate" | "closed" | null; before?: string | null; limit?: number };
    body: undefined;
    answer: ConversationPage;
    isTagged: false;
  };
  "GET /admin/clients/{client_id}/conversations/{conversation_id}": {
    path: { client_id: string; conversation_id: string };
    query: { after?: number };
    body: undefined;
    answer: ConversationView;
    isTagged: false;
  };
  "POST /admin/clients/{client_id}/conversations/{conversation_id}/claim": {
    path: { client_id: string; conversation_id: string };
    query: undefined;
    body: {
      readonly teammate: string;
      readonly is_takeover?: boolean;
    };
    answer: ConversationSummary;
    isTagged: false;
  };
  "POST /admin/clients/{client_id}/conversations/{conversation_id}/release": {
    path: { client_id: string; conversation_id: string };
    query: undefined;
    body: {
      readonly to?: "ai" | "queued";
    };
    answer: ConversationSummary;
    isTagged: false;
  };
  "POST /admin/clients/{client_id}/conversations/{conversation_id}/messages": {
    path: { client_id: string; conversation_id: string };
    query: undefined;
    body: {
      readonly message: string;
      readonly message_id?: string | null;
    };
    answer: Said;
    isTagged: false;
  };
  "POST /admin/auth/login": {
    path: undefined;
    query: undefined;
    body: {
      readonly email: string;
      readonly password: string;
      readonly code?: string | null;
    };
    answer: LoginAnswer;
    isTagged: false;
  };
  "POST /admin/auth/link": {
    path: undefined;
    query: undefined;
    body: {
      readonly token: string;
    };
    answer: LinkOwner;
    isTagged: false;
  };
  "POST /admin/auth/welcome": {
    path: undefined;
    query: undefined;
    body: {
      readonly token: string;
      readonly password: string;
      readonly email?: string | null;
    };
    answer: LinkOwner;
    isTagged: false;
  };
  "POST /admin/auth/refresh": {
    path: undefined;
    query: undefined;
    body: undefined;
    answer: LoginAnswer;
    isTagged: false;
  };
  "POST /admin/auth/logout": {
    path: undefined;
    query: undefined;
    body: undefined;
    answer: LoggedOut;
    isTagged: false;
  };
  "GET /admin/auth/sessions": {
    path: undefined;
    query: undefined;
    body: undefined;
    answer: SessionList;
    isTagged: false;
  };
  "DELETE /admin/auth/sessions": {
    path: undefined;
    query: undefined;
    body: undefined;
    answer: LoggedOut;
    isTagged: false;
  };
  "DELETE /admin/auth/sessions/{session_id}": {
    path: { session_id: string };
    query: undefined;
    body: undefined;
    answer: LoggedOut;
    isTagged: false;
  };
  "POST /admin/auth/password": {
    path: undefined;
    query: undefined;
    body: {
      readonly current: string;
      readonly new: string;
    };
    answer: Changed;
    isTagged: false;
  };
  "GET /admin/auth/verify": {
    path: undefined;
    query: undefined;
    body: undefined;
    answer: SignedInAnswer;
    isTagged: false;
  };
  "GET /admin/auth/session": {
    path: undefined;
    query: undefined;
    body: undefined;
    answer: MaybeSignedIn;
    isTagged: false;
  };
  "GET /admin/auth/methods": {
    path: undefined;
    query: undefined;
    body: undefined;
    answer: SignInMethods;
    isTagged: false;
  };
  "POST /admin/auth/oidc": {
    path: undefined;
    query: undefined;
    body: {
      readonly another?: boolean;
    };
    answer: OidcUrl;
    isTagged: false;
  };
  "GET /admin/auth/oidc/callback": {
    path: undefined;
    query: { state?: string; code?: string; iss?: string };
    body: undefined;
    answer: undefined;
    isTagged: false;
  };
  "POST /admin/auth/oidc/finish": {
    path: undefined;
    query: undefined;
    body: {
      readonly code?: string | null;
    };
    answer: SignedInAnswer;
    isTagged: false;
  };
  "GET /admin/audit": {
    path: undefined;
    query: { client_id?: string | null; object?: string | null; action?: string | null; actor?: string | null; since?: string | null; until?: string | null; before?: string | null; limit?: number };
    body: undefined;
    answer: AuditPage;
    isTagged: false;
  };
  "GET /admin/tokens": {
    path: undefined;
    query: undefined;
    body: undefined;
    answer: ApiTokenList;
    isTagged: false;
  };
  "POST /admin/tokens": {
    path: undefined;
    query: undefined;
    body: {
      readonly name: string;
      readonly role?: "owner" | "admin" | "teammate" | "viewer";
      readonly scope?: "read" | "write";
      readonly client_ids?: readonly string[] | null;
      readonly expires_in_days?: number;
    };
    answer: MadeApiToken;
    isTagged: false;
  };
  "DELETE /admin/tokens/{token_id}": {
    path: { token_id: string };
    query: undefined;
    body: undefined;
    answer: RevokedApiToken;
    isTagged: false;
  };
  "GET /admin/admins": {
    path: undefined;
    query: { before?: string | null; limit?: number };
    body: undefined;
    answer: AdminList;
    isTagged: false;
  };
  "POST /admin/admins": {
    path: undefined;
    query: undefined;
    body: {
      readonly email: string;
      readonly role: "owner" | "admin" | "teammate" | "viewer";
      readonly client_ids?: readonly string[] | null;
    };
    answer: InvitedAdmin;
    isTagged: false;
  };
  "GET /admin/admins/{admin_id}": {
    path: { admin_id: string };
    query: undefined;
    body: undefined;
    answer: AdminItem;
    isTagged: false;
  };
  "PATCH /admin/admins/{admin_id}": {
    path: { admin_id: string };
    query: undefined;
    body: {
      readonly role?: "owner" | "admin" | "teammate" | "viewer";
      readonly client_ids?: readonly string[] | null;
      readonly is_active?: boolean;
    };
    answer: AdminItem;
    isTagged: false;
  };
  "POST /admin/admins/{admin_id}/reset": {
    path: { admin_id: string };
    query: undefined;
    body: undefined;
    answer: AdminLinkItem;
    isTagged: false;
  };
  "POST /admin/admins/{admin_id}/unlock": {
    path: { admin_id: string };
    query: undefined;
    body: undefined;
    answer: AdminItem;
    isTagged: false;
  };
  "POST /admin/auth/second-factor": {
    path: undefined;
    query: undefined;
    body: {
      readonly password: string;
    };
    answer: Enrolment;
    isTagged: false;
  };
  "POST /admin/auth/second-factor/confirm": {
    path: undefined;
    query: undefined;
    body: {
      readonly code: string;
    };
    answer: RecoveryCodes;
    isTagged: false;
  };
  "POST /admin/auth/second-factor/off": {
    path: undefined;
    query: undefined;
    body: {
      readonly code: string;
    };
    answer: Changed;
    isTagged: false;
  };
  "DELETE /admin/admins/{admin_id}/second-factor": {
    path: { admin_id: string };
    query: undefined;
    body: undefined;
    answer: Changed;
    isTagged: false;
  };
  "GET /admin/plugins": {
    path: undefined;
    query: undefined;
    body: undefined;
    answer: InstalledPlugins;
    isTagged: false;
  };
  "GET /admin/clients/{client_id}/plugins": {
    path: { client_id: string };
    query: undefined;
    body: undefined;
    answer: ClientPluginStates;
    isTagged: false;
  };
  "GET /admin/clients/{client_id}/plugins/{plugin_id}": {
    path: { client_id: string; plugin_id: string };
    query: undefined;
    body: undefined;
    answer: ClientPluginState;
    isTagged: false;
  };
  "PATCH /admin/clients/{client_id}/plugins/{plugin_id}": {
    path: { client_id: string; plugin_id: string };
    query: undefined;
    body: {
      readonly enabled?: boolean | null;
      readonly settings?: { readonly [name: string]: Json };
      readonly reset?: boolean;
    };
    answer: ClientPluginState;
    isTagged: true;
  };
  "POST /admin/clients/{client_id}/plugins/{plugin_id}/undo": {
    path: { client_id: string; plugin_id: string };
    query: undefined;
    body: undefined;
    answer: ClientPluginState;
    isTagged: true;
  };
  "GET /admin/clients/{client_id}/plugins/{plugin_id}/preview": {
    path: { client_id: string; plugin_id: string };
    query: { enabled: boolean };
    body: undefined;
    answer: PluginPreview;
    isTagged: false;
  };
  "GET /admin/tools": {
    path: undefined;
    query: undefined;
    body: undefined;
    answer: SharedTools;
    isTagged: false;
  };
  "POST /admin/tools": {
    path: undefined;
    query: undefined;
    body: {
      readonly tool_name: string;
      readonly description: string;
      readonly parameters_schema: { readonly [name: string]: Json };
      readonly category?: string;
      readonly backend: string;
      readonly read_only?: boolean;
      readonly idempotent?: boolean;
      readonly private?: boolean;
      readonly confirm?: boolean;
    };
    answer: SharedTool;
    isTagged: false;
  };
  "POST /admin/tools/schema": {
    path: undefined;
    query: undefined;
    body: {
      readonly parameters_schema: Json;
    };
    answer: SchemaVerdict;
    isTagged: false;
  };
  "GET /admin/tools/{tool_name}": {
    path: { tool_name: string };
    query: undefined;
    body: undefined;
    answer: SharedToolDetail;
    isTagged: false;
  };
  "PUT /admin/tools/{tool_name}": {
    path: { tool_name: string };
    query: undefined;
    body: {
      readonly description: string;
      readonly parameters_schema: { readonly [name: string]: Json };
      readonly category?: string;
      readonly backend: string;
      readonly read_only?: boolean;
      readonly idempotent?: boolean;
      readonly private?: boolean;
      readonly confirm?: boolean;
    };
    answer: SharedTool;
    isTagged: true;
  };
  "DELETE /admin/tools/{tool_name}": {
    path: { tool_name: string };
    query: undefined;
    body: undefined;
    answer: DeletedTool;
    isTagged: true;
  };
  "GET /admin/tools/{tool_name}/history": {
    path: { tool_name: string };
    query: { before?: string | null; count?: number };
    body: undefined;
    answer: ToolHistory;
    isTagged: false;
  };
  "GET /admin/clients/{client_id}/tools": {
    path: { client_id: string };
    query: undefined;
    body: undefined;
    answer: ClientTools;
    isTagged: false;
  };
  "PATCH /admin/clients/{client_id}/tools/{tool_name}": {
    path: { client_id: string; tool_name: string };
    query: undefined;
    body: {
      readonly enabled?: boolean | null;
      readonly webhook_url?: string | null;
      readonly timeout_s?: number | null;
      readonly confirm?: boolean | null;
      readonly private?: boolean | null;
    };
    answer: ClientTool;
    isTagged: true;
  };
  "POST /admin/clients/{client_id}/tools/refresh": {
    path: { client_id: string };
    query: undefined;
    body: undefined;
    answer: ToolListings;
    isTagged: false;
  };
  "POST /admin/clients/{client_id}/tools/{tool_name}/test": {
    path: { client_id: string; tool_name: string };
    query: undefined;
    body: {
      readonly arguments?: { readonly [name: string]: Json };
      readonly visitor_id?: string | null;
      readonly may_act?: boolean;
    };
    answer: TrialOutcome;
    isTagged: false;
  };
  "GET /admin/clients/{client_id}/tool-calls": {
    path: { client_id: string };
    query: { tool?: string | null; status?: "waiting" | "declined" | "replaced" | "intended" | "succeeded" | "failed" | "refused" | "unknown" | null; before?: string | null; count?: number };
    body: undefined;
    answer: Calls;
    isTagged: false;
  };
  "GET /admin/clients/{client_id}/integrations": {
    path: { client_id: string };
    query: undefined;
    body: undefined;
    answer: ClientIntegrations;
    isTagged: false;
  };
  "POST /admin/clients/{client_id}/integrations": {
    path: { client_id: string };
    query: undefined;
    body: {
      readonly type: string;
      readonly name?: string | null;
      readonly enabled?: boolean;
      readonly settings?: { readonly [name: string]: Json };
    };
    answer: ConnectionState;
    isTagged: false;
  };
  "GET /admin/clients/{client_id}/integrations/{integration_id}": {
    path: { client_id: string; integration_id: string };
    query: undefined;
    body: undefined;
    answer: ConnectionState;
    isTagged: false;
  };
  "PATCH /admin/clients/{client_id}/integrations/{integration_id}": {
    path: { client_id: string; integration_id: string };
    query: undefined;
    body: {
      readonly name?: string | null;
      readonly enabled?: boolean | null;
      readonly settings?: { readonly [name: string]: Json };
    };
    answer: ConnectionState;
    isTagged: true;
  };
  "DELETE /admin/clients/{client_id}/integrations/{integration_id}": {
    path: { client_id: string; integration_id: string };
    query: undefined;
    body: undefined;
    answer: undefined;
    isTagged: true;
  };
  "POST /admin/clients/{client_id}/integrations/{integration_id}/test": {
    path: { client_id: string; integration_id: string };
    query: undefined;
    body: undefined;
    answer: TestOutcome;
    isTagged: false;
  };
  "GET /admin/clients/{client_id}/integrations/{integration_id}/endpoints": {
    path: { client_id: string; integration_id: string };
    query: undefined;
    body: undefined;
    answer: EndpointStates;
    isTagged: false;
  };
  "POST /admin/clients/{client_id}/integrations/{integration_id}/endpoints": {
    path: { client_id: string; integration_id: string };
    query: undefined;
    body: {
      readonly url?: string;
      readonly method?: string;
      readonly description: string;
      readonly parameters_schema?: { readonly [name: string]: Json };
      readonly request?: { readonly [name: string]: Json };
      readonly is_private?: boolean;
      readonly visitor_parameters?: readonly string[];
      readonly cache_s?: number;
      readonly name: string;
    };
    answer: EndpointState;
    isTagged: false;
  };
  "POST /admin/clients/{client_id}/integrations/{integration_id}/import": {
    path: { client_id: string; integration_id: string };
    query: undefined;
    body: {
      readonly document?: string | null;
      readonly url?: string | null;
    };
    answer: ImportOutcome;
    isTagged: false;
  };
  "GET /admin/clients/{client_id}/integrations/{integration_id}/endpoints/{name}": {
    path: { client_id: string; integration_id: string; name: string };
    query: undefined;
    body: undefined;
    answer: EndpointState;
    isTagged: false;
  };
  "PUT /admin/clients/{client_id}/integrations/{integration_id}/endpoints/{name}": {
    path: { client_id: string; integration_id: string; name: string };
    query: undefined;
    body: {
      readonly url?: string;
      readonly method?: string;
      readonly description: string;
      readonly parameters_schema?: { readonly [name: string]: Json };
      readonly request?: { readonly [name: string]: Json };
      readonly is_private?: boolean;
      readonly visitor_parameters?: readonly string[];
      readonly cache_s?: number;
    };
    answer: EndpointState;
    isTagged: true;
  };
  "DELETE /admin/clients/{client_id}/integrations/{integration_id}/endpoints/{name}": {
    path: { client_id: string; integration_id: string; name: string };
    query: undefined;
    body: undefined;
    answer: undefined;
    isTagged: true;
  };
  "PUT /admin/clients/{client_id}/integrations/{integration_id}/endpoints/{name}/tool": {
    path: { client_id: string; integration_id: string; name: string };
    query: undefined;
    body: {
      readonly enabled?: boolean;
      readonly tool_name?: string | null;
    };
    answer: EndpointState;
    isTagged: false;
  };
  "DELETE /admin/clients/{client_id}/integrations/{integration_id}/endpoints/{name}/tool": {
    path: { client_id: string; integration_id: string; name: string };
    query: undefined;
    body: undefined;
    answer: EndpointState;
    isTagged: false;
  };
  "POST /admin/clients/{client_id}/integrations/{integration_id}/consent": {
    path: { client_id: string; integration_id: string };
    query: undefined;
    body: undefined;
    answer: ConsentUrl;
    isTagged: false;
  };
  "GET /admin/integrations/callback": {
    path: undefined;
    query: { state?: string; code?: string; error?: string; here?: boolean };
    body: undefined;
    answer: undefined;
    isTagged: false;
  };
  "GET /admin/clients/{client_id}/providers": {
    path: { client_id: string };
    query: undefined;
    body: undefined;
    answer: ClientProviders;
    isTagged: false;
  };
  "PUT /admin/clients/{client_id}/providers": {
    path: { client_id: string };
    query: undefined;
    body: {
      readonly chain?: readonly string[];
      readonly routing?: {
        readonly simple?: readonly string[];
        readonly threshold?: number;
      } | null;
    };
    answer: ClientProviders;
    isTagged: true;
  };
  "GET /admin/clients/{client_id}/providers/cheaper": {
    path: { client_id: string };
    query: { days?: number; count?: number };
    body: undefined;
    answer: Recommendation;
    isTagged: false;
  };
  "GET /admin/plans/{plan}/providers": {
    path: { plan: string };
    query: undefined;
    body: undefined;
    answer: PlanProvidersState;
    isTagged: false;
  };
  "PUT /admin/plans/{plan}/providers": {
    path: { plan: string };
    query: undefined;
    body: {
      readonly chain?: readonly string[];
      readonly models?: readonly string[] | null;
      readonly may_choose?: boolean;
      readonly simple?: readonly string[];
      readonly threshold?: number;
    };
    answer: PlanProvidersState;
    isTagged: true;
  };
  "GET /admin/clients/{client_id}/embeddings": {
    path: { client_id: string };
    query: undefined;
    body: undefined;
    answer: ClientEmbeddings;
    isTagged: false;
  };
  "PUT /admin/clients/{client_id}/embeddings": {
    path: { client_id: string };
    query: undefined;
    body: {
      readonly model?: string | null;
      readonly dimensions?: number | null;
      readonly min_similarity?: number | null;
    };
    answer: ClientEmbeddings;
    isTagged: true;
  };
  "POST /admin/clients/{client_id}/embeddings/again": {
    path: { client_id: string };
    query: undefined;
    body: undefined;
    answer: ClientEmbeddings;
    isTagged: false;
  };
  "GET /admin/models": {
    path: undefined;
    query: { provider?: string; search?: string; unpriced?: boolean };
    body: undefined;
    answer: Models;
    isTagged: false;
  };
  "GET /admin/models/{provider}/{model}/price": {
    path: { provider: string; model: string };
    query: undefined;
    body: undefined;
    answer: PriceState;
    isTagged: false;
  };
  "PUT /admin/models/{provider}/{model}/price": {
    path: { provider: string; model: string };
    query: undefined;
    body: {
      readonly input?: number | string | null;
      readonly output?: number | string | null;
      readonly cache_read?: number | string | null;
      readonly cache_write?: number | string | null;
      readonly effective_from?: string | null;
    };
    answer: PriceState;
    isTagged: true;
  };
  "GET /admin/clients/{client_id}/channels": {
    path: { client_id: string };
    query: undefined;
    body: undefined;
    answer: ClientChannels;
    isTagged: false;
  };
  "POST /admin/clients/{client_id}/channels": {
    path: { client_id: string };
    query: undefined;
    body: {
      readonly channel: string;
      readonly name: string;
      readonly settings?: { readonly [name: string]: Json };
    };
    answer: AccountState;
    isTagged: false;
  };
  "GET /admin/clients/{client_id}/channels/{account_id}": {
    path: { client_id: string; account_id: string };
    query: undefined;
    body: undefined;
    answer: AccountState;
    isTagged: false;
  };
  "PATCH /admin/clients/{client_id}/channels/{account_id}": {
    path: { client_id: string; account_id: string };
    query: undefined;
    body: {
      readonly name?: string | null;
      readonly enabled?: boolean | null;
      readonly settings?: { readonly [name: string]: Json };
    };
    answer: AccountState;
    isTagged: true;
  };
  "DELETE /admin/clients/{client_id}/channels/{account_id}": {
    path: { client_id: string; account_id: string };
    query: undefined;
    body: undefined;
    answer: undefined;
    isTagged: true;
  };
  "POST /admin/clients/{client_id}/channels/{account_id}/test": {
    path: { client_id: string; account_id: string };
    query: undefined;
    body: undefined;
    answer: AccountCheck;
    isTagged: false;
  };
  "GET /admin/clients/{client_id}/invoices": {
    path: { client_id: string };
    query: { status?: "pending" | "paid" | "overdue" | "disputed" | "refunded" | "void" | null; before?: string | null; count?: number };
    body: undefined;
    answer: InvoicePage;
    isTagged: false;
  };
  "POST /admin/clients/{client_id}/invoices": {
    path: { client_id: string };
    query: undefined;
    body: {
      readonly billing_period: string;
    };
    answer: InvoiceState;
    isTagged: false;
  };
  "GET /admin/billing/invoices": {
    path: undefined;
    query: { client_id?: string | null; period?: string | null; status?: "pending" | "paid" | "overdue" | "disputed" | "refunded" | "void" | null; before?: string | null; count?: number };
    body: undefined;
    answer: InvoicePage;
    isTagged: false;
  };
  "GET /admin/billing/invoices/{invoice_id}": {
    path: { invoice_id: string };
    query: undefined;
    body: undefined;
    answer: InvoiceState;
    isTagged: false;
  };
  "POST /admin/billing/invoices/{invoice_id}/refresh": {
    path: { invoice_id: string };
    query: undefined;
    body: undefined;
    answer: InvoiceState;
    isTagged: false;
  };
  "POST /admin/billing/invoices/{invoice_id}/mark-paid": {
    path: { invoice_id: string };
    query: undefined;
    body: {
      readonly method?: string;
      readonly reference?: string;
      readonly paid_at?: string | null;
      readonly gives_up_open?: boolean;
    };
    answer: InvoiceState;
    isTagged: false;
  };
  "POST /admin/billing/invoices/{invoice_id}/void": {
    path: { invoice_id: string };
    query: undefined;
    body: {
      readonly reason?: string;
      readonly gives_up_open?: boolean;
    };
    answer: InvoiceState;
    isTagged: false;
  };
  "POST /admin/billing/invoices/{invoice_id}/charge": {
    path: { invoice_id: string };
    query: undefined;
    body: {
      readonly gateway?: string;
      readonly by_link?: boolean;
      readonly gives_up_open?: boolean;
    };
    answer: InvoiceState;
    isTagged: false;
  };
  "POST /admin/billing/invoices/{invoice_id}/refund": {
    path: { invoice_id: string };
    query: undefined;
    body: {
      readonly amount?: number | string | null;
    };
    answer: InvoiceState;
    isTagged: true;
  };
  "POST /admin/billing/webhook/{gateway}": {
    path: { gateway: string };
    query: undefined;
    body: { readonly [name: string]: Json };
    answer: WebhookTaken;
    isTagged: false;
  };
  "POST /admin/billing/webhook": {
    path: undefined;
    query: { gateway?: string };
    body: { readonly [name: string]: Json };
    answer: WebhookTaken;
    isTagged: false;
  };
  "GET /admin/plans": {
    path: undefined;
    query: undefined;
    body: undefined;
    answer: PlanList;
    isTagged: false;
  };
  "GET /admin/plans/{plan}/price": {
    path: { plan: string };
    query: undefined;
    body: undefined;
    answer: PlanPriceState;
    isTagged: false;
  };
  "PUT /admin/plans/{plan}/price": {
    path: { plan: string };
    query: undefined;
    body: {
      readonly base?: number | string;
      readonly currency?: string;
      readonly usage_rate?: number | string | null;
    };
    answer: PlanPriceState;
    isTagged: true;
  };
  "GET /admin/clients/{client_id}/payer": {
    path: { client_id: string };
    query: undefined;
    body: undefined;
    answer: PayerState;
    isTagged: false;
  };
  "PUT /admin/clients/{client_id}/payer": {
    path: { client_id: string };
    query: undefined;
    body: {
      readonly gateway?: string;
      readonly customer?: string;
      readonly method?: string;
    };
    answer: PayerState;
    isTagged: true;
  };
  "GET /admin/clients/{client_id}/routing/decisions": {
    path: { client_id: string };
    query: { before?: string | null; count?: number };
    body: undefined;
    answer: RoutingDecisions;
    isTagged: false;
  };
  "GET /admin/clients/{client_id}/routing/replay": {
    path: { client_id: string };
    query: { threshold?: number | null; simple?: string; days?: number };
    body: undefined;
    answer: RoutingReplay;
    isTagged: false;
  };
  "GET /admin/clients/{client_id}/experiments": {
    path: { client_id: string };
    query: undefined;
    body: undefined;
    answer: Experiments;
    isTagged: false;
  };
  "POST /admin/clients/{client_id}/experiments": {
    path: { client_id: string };
    query: undefined;
    body: {
      readonly name: string;
      readonly arms: readonly ({
        readonly name: string;
        readonly weight?: number;
        readonly chain?: readonly string[];
        readonly prompt?: string;
        readonly temperature?: number | null;
      })[];
    };
    answer: ExperimentState;
    isTagged: false;
  };
  "GET /admin/clients/{client_id}/experiments/{experiment_id}": {
    path: { client_id: string; experiment_id: string };
    query: undefined;
    body: undefined;
    answer: ExperimentState;
    isTagged: false;
  };
  "PUT /admin/clients/{client_id}/experiments/{experiment_id}": {
    path: { client_id: string; experiment_id: string };
    query: undefined;
    body: {
      readonly name: string;
      readonly arms: readonly ({
        readonly name: string;
        readonly weight?: number;
        readonly chain?: readonly string[];
        readonly prompt?: string;
        readonly temperature?: number | null;
      })[];
    };
    answer: ExperimentState;
    isTagged: true;
  };
  "POST /admin/clients/{client_id}/experiments/{experiment_id}/start": {
    path: { client_id: string; experiment_id: string };
    query: undefined;
    body: undefined;
    answer: ExperimentState;
    isTagged: true;
  };
  "POST /admin/clients/{client_id}/experiments/{experiment_id}/stop": {
    path: { client_id: string; experiment_id: string };
    query: undefined;
    body: undefined;
    answer: ExperimentState;
    isTagged: true;
  };
  "GET /admin/clients/{client_id}/experiments/{experiment_id}/results": {
    path: { client_id: string; experiment_id: string };
    query: undefined;
    body: undefined;
    answer: ExperimentResults;
    isTagged: false;
  };
  "GET /admin/clients/{client_id}/usage": {
    path: { client_id: string };
    query: { first?: string | null; last?: string | null };
    body: undefined;
    answer: ClientUsage;
    isTagged: false;
  };
  "GET /admin/clients/{client_id}/usage/history": {
    path: { client_id: string };
    query: { first?: string | null; last?: string | null };
    body: undefined;
    answer: UsageHistory;
    isTagged: false;
  };
  "GET /admin/clients/{client_id}/usage/export": {
    path: { client_id: string };
    query: { first?: string | null; last?: string | null };
    body: undefined;
    answer: undefined;
    isTagged: false;
  };
  "GET /admin/usage/providers": {
    path: undefined;
    query: { first?: string | null; last?: string | null };
    body: undefined;
    answer: InstallationUsage;
    isTagged: false;
  };
}
