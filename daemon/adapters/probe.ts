import {z} from 'zod';
import {type StorageStats, storageStatsSchema} from '../../source/protocol/api.js';
import type {NodeRecord} from '../core/model.js';
import {type CredentialsFor, isProof} from '../trust/credentials.js';
import {PROOF_HEADER} from '../trust/proof.js';

const statusSchema = z.object({storage: storageStatsSchema});

/**
Asks a node of any kind for its figures: `GET /status`. Rejects where it is not there, or answers something else, or where
another answers for it.
*/
export const createProbe =
	(credentialsFor: CredentialsFor) =>
	async (node: NodeRecord, signal: AbortSignal): Promise<StorageStats> => {
		const {got} = await import('got');
		const credentials = credentialsFor(node)?.({operation: 'status', search: ''});
		const {body, headers, statusCode} = await got(`${node.address}/status`, {
			...(credentials && {headers: credentials.headers}),
			signal,
			retry: {limit: 0},
			followRedirect: false,
		});
		const given = headers[PROOF_HEADER.toLowerCase()];
		const proof = credentials?.startProof(statusCode, 'text').update(body);
		if (proof && !isProof(proof, String(given))) throw new Error('the answer does not come from the node itself');
		return statusSchema.parse(JSON.parse(body)).storage;
	};
