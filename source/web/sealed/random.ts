import type {RandomBytes} from '../../protocol/keyring.js';

export const randomBytes: RandomBytes = sizeBytes => crypto.getRandomValues(new Uint8Array(sizeBytes));
