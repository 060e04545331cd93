import {PjasError} from '../../source/protocol/errors.js';
import type {ListenOptions} from '../http/listen.js';
import type {Clock} from '../ports/clock.js';

/** The files of a certificate and its key, where they are set. */
export type TlsSettings = {tlsCertFile?: string | undefined; tlsKeyFile?: string | undefined};

/**
How a role serves TLS, if it does.

@throws {PjasError} `INVALID_CONFIGURATION` where one of the two files is given without the other.
*/
export const tlsOf = (
	{tlsCertFile: certFile, tlsKeyFile: keyFile}: TlsSettings,
	clock: Clock,
): NonNullable<ListenOptions['tls']> | undefined => {
	if (certFile === undefined && keyFile === undefined) return undefined;
	if (certFile !== undefined && keyFile !== undefined) return {certFile, keyFile, clock};
	const [given, missing] = certFile === undefined ? ['--tls-key', '--tls-cert'] : ['--tls-cert', '--tls-key'];
	throw new PjasError(
		'INVALID_CONFIGURATION',
		`${given} is given without ${missing}: TLS needs a certificate and its key`,
	);
};
