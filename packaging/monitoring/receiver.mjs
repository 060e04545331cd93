import {Buffer} from 'node:buffer';
import {createHmac, timingSafeEqual} from 'node:crypto';
import {createServer} from 'node:http';

/**
A receiver of webhooks at its smallest: PJAS_WEBHOOK_SECRET=… node receiver.mjs [PORT]. It prints what is signed as it should
be and was sent within these five minutes. A delivery may come twice, under the same webhook-id.
*/
const [port = '9000'] = process.argv.slice(2);
const key = Buffer.from((process.env.PJAS_WEBHOOK_SECRET ?? '').replace(/^whsec_/, ''), 'base64');
const seen = new Set();

const isGenuine = ({'webhook-id': id, 'webhook-timestamp': time, 'webhook-signature': given = ''}, body) => {
	const wanted = `v1,${createHmac('sha256', key).update(`${id}.${time}.${body}`).digest('base64')}`;
	const isSame = given.length === wanted.length && timingSafeEqual(Buffer.from(given), Buffer.from(wanted));
	return isSame && Math.abs(Date.now() / 1000 - Number(time)) < 300;
};

createServer((request, response) => {
	const pieces = [];
	request.on('data', piece => pieces.push(piece));
	request.on('end', () => {
		const body = Buffer.concat(pieces).toString();
		const isRight = key.length > 0 && isGenuine(request.headers, body);
		response.writeHead(isRight ? 204 : 401).end();
		const id = request.headers['webhook-id'];
		if (isRight && !seen.has(id)) console.log(body);
		seen.add(id);
	});
}).listen(Number(port), '127.0.0.1', () => console.log(`listening at http://127.0.0.1:${port}`));
