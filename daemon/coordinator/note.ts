import type {LogEntry} from '../../source/protocol/api.js';
import type {FileId, NodeId} from '../../source/protocol/ids.js';

/** What an entry is about, and the account whose that is: besides operators, only it may read the entry. */
export type About = {node?: NodeId; file?: FileId; owner?: string | undefined};

/** Writes a line into the network's activity log, for people to read. */
export type Note = (level: LogEntry['level'], message: string, about?: About) => void;
