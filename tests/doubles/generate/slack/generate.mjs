// Writes ../../schemas/slack.json, the JSON Schemas that the Slack double holds both sides to.
//
//   npm ci && node generate.mjs
import { copyFileSync, writeFileSync } from 'node:fs';
import { createGenerator } from 'ts-json-schema-generator';

const REPLIES = {
  'apps.connections.open': 'AppsConnectionsOpen',
  'auth.test': 'AuthTest',
  'chat.postEphemeral': 'ChatPostEphemeral',
  'chat.postMessage': 'ChatPostMessage',
  'chat.update': 'ChatUpdate',
  'conversations.history': 'ConversationsHistory',
  'conversations.info': 'ConversationsInfo',
  'conversations.members': 'ConversationsMembers',
  'conversations.open': 'ConversationsOpen',
  'conversations.replies': 'ConversationsReplies',
  'files.completeUploadExternal': 'FilesCompleteUploadExternal',
  'files.getUploadURLExternal': 'FilesGetUploadURLExternal',
  'files.info': 'FilesInfo',
  'users.info': 'UsersInfo',
  'views.open': 'ViewsOpen',
  'views.publish': 'ViewsPublish',
};
const here = import.meta.dirname;
const schemas = `${here}/../../schemas`;
const licence = `${here}/node_modules/@slack/types/LICENSE`;

// A definition may be called "description": only texts are taken out.
function stripped(value) {
  if (Array.isArray(value)) return value.map(stripped);
  if (value === null || typeof value !== 'object') return value;
  const kept = Object.entries(value).filter(([key, v]) => key !== 'description' || typeof v !== 'string');
  return Object.fromEntries(kept.map(([key, v]) => [key, stripped(v)]));
}

function schemaOf(type) {
  const options = { path: `${here}/types.ts`, tsconfig: `${here}/tsconfig.json`, skipTypeCheck: true };
  return stripped(createGenerator({ ...options, type }).createSchema(type));
}

// The reply types repeat each other's names for different things, so each keeps its own document.
const replies = Object.fromEntries(Object.entries(REPLIES).map(([m, type]) => [m, schemaOf(type)]));
const made = {
  origin: '@slack/types 3.2.0 and @slack/web-api 8.2.0 (MIT, see slack.LICENSE)',
  requests: schemaOf('Requests'),
  replies,
};
writeFileSync(`${schemas}/slack.json`, `${JSON.stringify(made)}\n`);
copyFileSync(licence, `${schemas}/slack.LICENSE`);
