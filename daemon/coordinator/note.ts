import type {LogEntry} from '../../source/protocol/api.js';
import type {FileId, NodeId} from '../../source/protocol/ids.js';

/** Writes a line into the network's activity log, for people to read. */
export type Note = (level: LogEntry['level'], message: string, about?: {node?: NodeId; file?: FileId}) => void;
