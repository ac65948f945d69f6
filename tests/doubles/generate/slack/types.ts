// What the Slack side of creditbot sends and receives, in Slack's own types.
//
// `data_visualization` is missing in @slack/types 3.2.0 and is added here; drop ours when it has it.
import type { HomeView, KnownBlock, ModalView } from '@slack/types';
import type {
  AppsConnectionsOpenResponse,
  AuthTestResponse,
  ChatPostEphemeralResponse,
  ChatPostMessageResponse,
  ChatUpdateResponse,
  ConversationsInfoArguments,
  ConversationsInfoResponse,
  ConversationsHistoryArguments,
  ConversationsHistoryResponse,
  ConversationsMembersArguments,
  ConversationsMembersResponse,
  ConversationsOpenResponse,
  ConversationsRepliesArguments,
  ConversationsRepliesResponse,
  FilesCompleteUploadExternalArguments,
  FilesCompleteUploadExternalResponse,
  FilesGetUploadURLExternalArguments,
  FilesGetUploadURLExternalResponse,
  FilesInfoArguments,
  FilesInfoResponse,
  UsersInfoArguments,
  UsersInfoResponse,
  ViewsOpenResponse,
  ViewsPublishResponse,
} from '@slack/web-api';
import type {
  ChatPostMessageMetadata,
  LinkNames,
  ThreadTS,
  Unfurls,
} from '@slack/web-api/dist/types/request/chat';

interface ChartPoint {
  label: string;
  value: number;
}

interface ChartSeries {
  name: string;
  data: ChartPoint[];
}

interface AxisChart {
  type: 'bar' | 'area' | 'line';
  series: ChartSeries[];
  axis_config: { categories: string[]; x_label?: string; y_label?: string };
}

interface PieChart {
  type: 'pie';
  segments: ChartPoint[];
}

export interface DataVisualization {
  type: 'data_visualization';
  title: string;
  block_id?: string;
  chart: AxisChart | PieChart;
}

type Blocks = (KnownBlock | DataVisualization)[];

interface Contents {
  text: string;
  blocks?: Blocks;
}

// An answer through a response_url: https://docs.slack.dev/interactivity/handling-user-interaction
interface Response extends Contents, Unfurls {
  response_type?: 'ephemeral' | 'in_channel';
  replace_original?: boolean;
  delete_original?: boolean;
  thread_ts?: string;
}

interface Modal extends Omit<ModalView, 'blocks'> {
  blocks: KnownBlock[];
}

interface Home extends Omit<HomeView, 'blocks'> {
  blocks: KnownBlock[];
}

type PostMessage = { channel: string } & Contents & Partial<ThreadTS> & LinkNames & Unfurls & ChatPostMessageMetadata;
type PostEphemeral = { channel: string } & Contents & Partial<ThreadTS> & LinkNames & { user: string };
// alt_txt is the Python SDK's word for alt_text; which one Slack reads is not documented.
type UploadUrl = FilesGetUploadURLExternalArguments & { alt_txt?: string };

// The response types carry index signatures, which would let a reply hold anything.
type Known<T> = {
  [K in keyof T as string extends K ? never : number extends K ? never : K]: T[K];
};

export interface Requests {
  'apps.connections.open': Record<string, never>;
  'auth.test': Record<string, never>;
  'chat.postEphemeral': PostEphemeral;
  'chat.postMessage': PostMessage;
  'chat.update': { channel: string; ts: string } & Contents & LinkNames;
  'conversations.history': ConversationsHistoryArguments;
  'conversations.info': ConversationsInfoArguments;
  'conversations.members': ConversationsMembersArguments;
  'conversations.open': { users: string };
  'conversations.replies': ConversationsRepliesArguments;
  'files.completeUploadExternal': FilesCompleteUploadExternalArguments;
  'files.getUploadURLExternal': UploadUrl;
  'files.info': FilesInfoArguments;
  response: Response;
  'users.info': UsersInfoArguments;
  'views.open': { trigger_id: string; view: Modal };
  'views.publish': { user_id: string; view: Home; hash?: string };
}

// Of large replies only the members that the double fills.
type Some<T, K extends keyof NonNullable<T>> = Pick<NonNullable<T>, K>;
type Outcome<T extends { ok?: boolean; error?: string }> = Pick<T, 'ok' | 'error'>;

export type AppsConnectionsOpen = Known<AppsConnectionsOpenResponse>;
export type AuthTest = Known<AuthTestResponse>;
export type ChatPostEphemeral = Known<ChatPostEphemeralResponse>;
export type ChatPostMessage = Pick<ChatPostMessageResponse, 'ok' | 'error' | 'channel' | 'ts'>;
export type ChatUpdate = Pick<ChatUpdateResponse, 'ok' | 'error' | 'channel' | 'ts' | 'text'>;
export type ConversationsInfo = Outcome<ConversationsInfoResponse> & {
  channel?: Some<
    ConversationsInfoResponse['channel'],
    | 'id'
    | 'name'
    | 'is_archived'
    | 'is_channel'
    | 'is_member'
    | 'is_private'
    | 'is_ext_shared'
    | 'is_pending_ext_shared'
  >;
};
type Message = NonNullable<ConversationsHistoryResponse['messages']>[number];
type Read = {
  messages?: (Some<Message, 'type' | 'user' | 'bot_id' | 'text' | 'ts' | 'thread_ts'> & {
    metadata?: Some<Message['metadata'], 'event_type'> & { event_payload?: Record<string, string> };
    files?: { id?: string; name?: string }[];
  })[];
  has_more?: boolean;
  response_metadata?: { next_cursor?: string };
};
export type ConversationsHistory = Outcome<ConversationsHistoryResponse> & Read;
export type ConversationsReplies = Outcome<ConversationsRepliesResponse> & Read;
export type ConversationsMembers = Outcome<ConversationsMembersResponse> & {
  members?: string[];
  response_metadata?: { next_cursor?: string };
};
export type ConversationsOpen = Outcome<ConversationsOpenResponse> & {
  channel?: Some<ConversationsOpenResponse['channel'], 'id'>;
};
export type FilesCompleteUploadExternal = Outcome<FilesCompleteUploadExternalResponse> & {
  files?: { id?: string; title?: string }[];
};
export type FilesGetUploadURLExternal = Known<FilesGetUploadURLExternalResponse>;
export type FilesInfo = Outcome<FilesInfoResponse> & {
  file?: Some<FilesInfoResponse['file'], 'id' | 'mimetype' | 'name' | 'title' | 'alt_txt'>;
};
export type UsersInfo = Known<UsersInfoResponse>;
export type ViewsOpen = Outcome<ViewsOpenResponse> & {
  view?: Some<ViewsOpenResponse['view'], 'id' | 'hash' | 'type' | 'callback_id'>;
};
export type ViewsPublish = Outcome<ViewsPublishResponse> & {
  view?: Some<ViewsPublishResponse['view'], 'id' | 'hash' | 'type'>;
};
