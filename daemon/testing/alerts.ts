import {type AlertBook, openAlertBook} from '../coordinator/alerts/alert-book.js';
import type {AlertRecord} from '../coordinator/alerts/alert-file.js';
import {webhookKeyIn} from '../coordinator/alerts/signature.js';
import {silentLog} from './silent-log.js';

export const WEBHOOK_SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
export const webhookKey = webhookKeyIn(WEBHOOK_SECRET) ?? Buffer.alloc(0);

/** A book that is only in memory, as after a restart where `record` is given. */
export const bookOf = async (record: AlertRecord = {open: [], deliveries: []}): Promise<AlertBook> =>
	openAlertBook({read: async () => Promise.resolve(record), write: async () => Promise.resolve()}, silentLog);
