// Writes ../../schemas/discord.json from the official description of Discord's API.
// Run `npm ci && npm run generate` here; the versions are pinned in package.json.
import { readFileSync, writeFileSync } from "node:fs";
import * as schemas from "discord-api-spec/zod";
import { pathsList } from "discord-api-spec";
import * as z from "zod";

const name = (schema) => `${schema}Schema`;
const callbacks = [
  "ApplicationCommandAutocompleteCallbackRequest",
  "CreateMessageInteractionCallbackRequest",
  "ModalInteractionCallbackRequest",
  "UpdateMessageInteractionCallbackRequest",
];
// What the bot calls: method, path, request, replies by status.  The package types the paths but
// does not carry their schemas, so this table is ours.
const operations = [
  ["get", "/users/@me", null, { 200: "UserPIIResponse" }],
  ["get", "/applications/@me", null, { 200: "PrivateApplicationResponse" }],
  ["put", "/applications/{application_id}/commands", ["ApplicationCommandUpdateRequest"], { 200: ["ApplicationCommandResponse"] }],
  ["put", "/applications/{application_id}/guilds/{guild_id}/commands", ["ApplicationCommandUpdateRequest"], { 200: ["ApplicationCommandResponse"] }],
  ["get", "/guilds/{guild_id}/members/{user_id}", null, { 200: "GuildMemberResponse" }],
  ["get", "/users/{user_id}", null, { 200: "UserResponse" }],
  ["get", "/guilds/{guild_id}", null, { 200: "GuildWithCountsResponse" }],
  ["post", "/users/@me/channels", "CreatePrivateChannelRequest", { 200: "PrivateChannelResponse" }],
  ["get", "/channels/{channel_id}", null, { 200: { anyOf: ["GuildChannelResponse", "PrivateChannelResponse", "ThreadResponse"] } }],
  ["patch", "/channels/{channel_id}/messages/{message_id}", "MessageEditRequestPartial", { 200: "MessageResponse" }],
  ["get", "/channels/{channel_id}/messages", null, { 200: ["MessageResponse"] }],
  ["post", "/channels/{channel_id}/messages", "MessageCreateRequest", { 200: "MessageResponse" }],
  ["post", "/interactions/{interaction_id}/{interaction_token}/callback", { anyOf: callbacks }, { 200: "InteractionCallbackResponse", 204: null }],
  ["post", "/webhooks/{webhook_id}/{webhook_token}", "IncomingWebhookRequestPartial", { 200: "MessageResponse", 204: null }],
  ["get", "/webhooks/{webhook_id}/{webhook_token}/messages/@original", null, { 200: "MessageResponse" }],
  ["patch", "/webhooks/{webhook_id}/{webhook_token}/messages/@original", "IncomingWebhookUpdateRequestPartial", { 200: "MessageResponse" }],
  ["delete", "/webhooks/{webhook_id}/{webhook_token}/messages/@original", null, { 204: null }],
];

const registry = z.registry();
for (const [key, schema] of Object.entries(schemas)) {
  if (key.endsWith("Schema")) registry.add(schema, { id: key });
}
const made = z.toJSONSchema(registry, { io: "input", unrepresentable: "any", uri: (id) => `#/$defs/${id}` }).schemas;

// Discord ignores a field it does not know, so a misspelt one would go unnoticed: refuse it here.
// The package writes times with a Z only, Discord sends +00:00.
// Parts of an `allOf` each know only their own fields, so they stay open.
const parts = new Set([...JSON.stringify(made).matchAll(/"allOf":\[([^\]]*)\]/g)].flatMap(([, inside]) =>
  [...inside.matchAll(/#\/\$defs\/(\w+)/g)].map(([, id]) => id)));
function tidy(node, open = false) {
  if (Array.isArray(node)) return node.map((one) => tidy(one, open));
  if (node === null || typeof node !== "object") return node;
  const { $schema, $id, description, ...rest } = node;
  if (typeof description === "object") rest.description = description;
  if (rest.format === "date-time") delete rest.pattern;
  const clean = Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, tidy(value, key === "allOf")]));
  if (!open && clean.type === "object" && clean.properties && clean.additionalProperties === undefined) {
    clean.additionalProperties = false;
  }
  return clean;
}

const defs = {};
function keep(id) {
  if (id in defs) return;
  if (!(id in made)) throw new Error(`no schema ${id}`);
  defs[id] = tidy(made[id], parts.has(id));
  for (const [, found] of JSON.stringify(defs[id]).matchAll(/#\/\$defs\/(\w+)/g)) keep(found);
}

function reference(wanted) {
  if (wanted === null) return null;
  if (Array.isArray(wanted)) return { type: "array", items: reference(wanted[0]) };
  if (wanted.anyOf) return { anyOf: wanted.anyOf.map(reference) };
  keep(name(wanted));
  return { $ref: `#/$defs/${name(wanted)}` };
}

const routes = operations.map(([method, path, request, replies]) => {
  if (!pathsList[method].includes(path)) throw new Error(`no path ${method} ${path}`);
  const answers = Object.entries(replies).map(([status, schema]) => [status, reference(schema)]);
  answers.push(["4XX", reference("ErrorResponse")], ["429", reference("RatelimitedResponse")]);
  return { method: method.toUpperCase(), path, request: reference(request), replies: Object.fromEntries(answers) };
});

// In Discord's documentation and on its wire, but not in its description.
for (const key of ["ApplicationCommandUpdateRequestSchema", "ApplicationCommandResponseSchema"]) {
  defs[key].properties.nsfw = { type: "boolean" };
}

const { dependencies } = JSON.parse(readFileSync("package.json", "utf8"));
const source = Object.entries(dependencies).map(([key, version]) => `${key} ${version}`).join(", ");
const sorted = Object.fromEntries(Object.entries(defs).sort());
writeFileSync("../../schemas/discord.json", `${JSON.stringify({ source, routes, $defs: sorted })}\n`);
writeFileSync("../../schemas/discord.LICENSE", readFileSync("node_modules/discord-api-spec/LICENSE", "utf8"));
