import http from 'node:http';
import https from 'node:https';

/** Whether the daemon of this container answers: ends with 0 where it does. `PJAS_ROLE` and the others are those of the daemon. */
const {PJAS_ROLE: role = 'coordinator', PJAS_PORT, PORT, PJAS_TLS_CERT: isTls} = process.env;
const isNode = role === 'node';
const port = PJAS_PORT || (isNode ? 8420 : PORT || 3000);
const path = isNode ? '/status' : '/health';

const fail = problem => {
	process.stderr.write(`The ${role} at port ${port} ${problem}\n`);
	process.exit(1);
};

// On this machine, whatever name the certificate is for.
const options = {host: '127.0.0.1', port, path, timeout: 4_000, rejectUnauthorized: false};
const request = (isTls ? https : http).get(options, answer => {
	if (answer.statusCode === 200) process.exit(0);
	fail(`answers ${answer.statusCode}`);
});
request.once('timeout', () => fail('does not answer in time'));
request.once('error', ({code}) => fail(`does not answer (${code})`));
