/** Requests as bytes, one character each. */

const get = (target: string, headers = '') =>
	`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${headers}\r\n`;
export const post = (target: string, headers: string, body = '') =>
	`POST ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${headers}\r\n${body}`;
const id32 = 'a'.repeat(32);

/** What is no request, or hardly one. */
export const malformed: Record<string, string> = {
	'an empty line': '\r\n\r\n',
	'a method alone': 'GET\r\n\r\n',
	'no version': 'GET /health\r\n\r\n',
	'a version of the future': 'GET /health HTTP/9.9\r\nHost: x\r\n\r\n',
	'HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
	'a greeting of TLS': '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' + '\x00'.repeat(64),
	'an unknown method': 'FOO /health HTTP/1.1\r\nHost: x\r\n\r\n',
	'a method in small letters': 'get /health HTTP/1.1\r\nHost: x\r\n\r\n',
	'spaces in the target': 'GET /hea lth HTTP/1.1\r\nHost: x\r\n\r\n',
	'a zero byte in the target': 'GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n',
	'no host': 'GET /health HTTP/1.1\r\n\r\n',
	'two hosts': 'GET /health HTTP/1.1\r\nHost: x\r\nHost: y\r\nConnection: close\r\n\r\n',
	'two hosts and no version': 'GET /health\r\nHost: x\r\nHost: y\r\nConnection: close\r\n\r\n',
	'a header without a colon': get('/health', 'Nonsense\r\n'),
	'a header without a name': get('/health', ': nonsense\r\n'),
	'a space before the colon': get('/health', 'X-A : b\r\n'),
	'a zero byte in a header': get('/health', 'X-A: a\0b\r\n'),
	'bare line ends': 'GET /health HTTP/1.1\nHost: x\nConnection: close\n\n',
	'a folded header': get('/health', 'X-A: a\r\n b\r\n'),
	'a header of 100 KB': get('/health', `X-A: ${'a'.repeat(100_000)}\r\n`),
	'5000 headers': get('/health', 'X-A: a\r\n'.repeat(5000)),
	'a target of 100 KB': get(`/${'a'.repeat(100_000)}`),
	'two lengths': post('/api/nodes/register', 'Content-Length: 2\r\nContent-Length: 3\r\n', '{}'),
	'a length below zero': post('/api/nodes/register', 'Content-Length: -1\r\n', '{}'),
	'a length that is none': post('/api/nodes/register', 'Content-Length: abc\r\n', '{}'),
	'a length as a float': post('/api/nodes/register', 'Content-Length: 1e3\r\n', '{}'),
	'a length beyond all': post('/api/nodes/register', `Content-Length: ${'9'.repeat(30)}\r\n`, '{}'),
	'a large length': post('/api/nodes/register', `Content-Length: ${2 ** 52}\r\n`, '{}'),
	'a length and chunks': post(
		'/api/nodes/register',
		'Content-Length: 2\r\nTransfer-Encoding: chunked\r\n',
		'0\r\n\r\n',
	),
	'an unknown transfer encoding': post('/api/nodes/register', 'Transfer-Encoding: nonsense\r\n', '{}'),
	'chunked twice': post('/api/nodes/register', 'Transfer-Encoding: chunked, chunked\r\n', '0\r\n\r\n'),
	'a chunk size that is none': post('/api/nodes/register', 'Transfer-Encoding: chunked\r\n', 'zz\r\n{}\r\n0\r\n\r\n'),
	'a chunk size beyond all': post(
		'/api/nodes/register',
		'Transfer-Encoding: chunked\r\n',
		`${'f'.repeat(20)}\r\n{}\r\n`,
	),
	'a chunk that is longer than it says': post(
		'/api/files/upload',
		'Content-Type: multipart/form-data; boundary=x\r\nTransfer-Encoding: chunked\r\n',
		'2\r\nabcdef\r\n0\r\n\r\n',
	),
	'a chunk extension of 100 KB': post(
		'/api/nodes/register',
		'Transfer-Encoding: chunked\r\n',
		`2;a=${'b'.repeat(100_000)}\r\n{}\r\n0\r\n\r\n`,
	),
	'an unending chunk': post('/api/files/upload', 'Transfer-Encoding: chunked\r\n', '5\r\nab'),
};

/** What is a request, though a strange one. */
export const strange: Record<string, string> = {
	'an unknown expectation': post('/api/nodes/register', 'Expect: nonsense\r\nContent-Length: 2\r\n', '{}'),
	'an upgrade': get('/health', 'Connection: upgrade\r\nUpgrade: websocket\r\n'),
	'another upgrade': get(
		'/health',
		'Connection: upgrade, http2-settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n',
	),
	'the target of a proxy': get('http://example.invalid/health'),
	'the target of a proxy that is no address': get('http://[::bad/health'),
	'the asterisk': 'OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
	'a trace': 'TRACE / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
	'a target without a slash': get('health'),
	'two slashes': get('//health'),
	'a host in the target': get('//example.invalid:99999999/health'),
	'a way out': get('/../../../etc/passwd'),
	'an escaped way out': get('/api/files/download/..%2f..%2f..%2fetc%2fpasswd'),
	'an escaped zero byte': get('/api/files/%00'),
	'half an escape': get('/api/files/%e'),
	'an escape of nothing': get('/api/files/%zz'),
	'an escape of no character': get('/api/files/%ff%fe'),
	'bytes above 127 in the target': get('/api/files/\xff\xfe'),
	'a backslash': get('/api\\files'),
	'a fragment': get('/health#x'),
	'a query without an end': get(`/api/files?${'a=b&'.repeat(3000)}`),
	'the same query thrice': get('/api/files?limit=1&limit=2&limit=3'),
	'a query of brackets': get('/api/logs?limit[]=1&level[a]=b&__proto__=x'),
	'a query of no characters': get('/api/files?q=%ff%fe'),
	'a wrong host': 'GET /health HTTP/1.1\r\nHost: a b\0c\r\nConnection: close\r\n\r\n'.replace('\0', '%00'),
	'an answer for another encoding': get('/health', 'Accept-Encoding: identity;q=0\r\nAccept: image/png\r\n'),
	'a range of a range': get(`/api/files/download/${id32}`, 'Range: bytes=0-0-0\r\n'),
	'a body with a GET': get('/health', 'Content-Length: 5\r\n') + 'hello',
	'a body that is cut off': post('/api/nodes/register', 'Content-Length: 100\r\n', '{"node_id":'),
	'a form that is cut off': post(
		'/api/files/upload',
		'Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 1000\r\n',
		'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nabc',
	),
	'a form without a boundary': post('/api/files/upload', 'Content-Type: multipart/form-data\r\nContent-Length: 0\r\n'),
	'a form with an empty boundary': post(
		'/api/files/upload',
		'Content-Type: multipart/form-data; boundary=""\r\nContent-Length: 3\r\n',
		'abc',
	),
	'a form with a boundary of 10 KB': post(
		'/api/files/upload',
		`Content-Type: multipart/form-data; boundary=${'b'.repeat(10_000)}\r\nContent-Length: 3\r\n`,
		'abc',
	),
	'a packed body': post('/api/nodes/heartbeat', 'Content-Encoding: gzip\r\nContent-Length: 4\r\n', '\x1f\x8b\x08\x00'),
	'a shard that is cut off': `PUT /shards/${'a'.repeat(64)} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc`,
	'a shard without a length': `PUT /shards/${'a'.repeat(64)} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
	'a shard that is too long': `PUT /shards/${'a'.repeat(64)} HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\nabc`,
	'a chunk without metadata': post('/chunk', 'Content-Length: 3\r\n', 'abc'),
	'a chunk that is all metadata': post('/chunk', 'X-Metadata-Length: 65536\r\nContent-Length: 3\r\n', 'abc'),
};

const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n';
const join = '/api/nodes/register';

/** A request whose body a server and a proxy before it could measure differently, with another one in the difference. */
const ambiguous = (headers: string, body: string) => `POST ${join} HTTP/1.1\r\nHost: x\r\n${headers}\r\n${body}`;
const lengthSaysMore = (encoding: string) =>
	ambiguous(`Content-Length: ${5 + smuggled.length}\r\n${encoding}\r\n`, `0\r\n\r\n${smuggled}`);
const lengthSaysLess = (encoding: string) =>
	ambiguous(`Content-Length: 4\r\n${encoding}\r\n`, `${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`);

/** What must be refused before anything in its body is taken for a request. */
export const smuggling: Record<string, string> = {
	...Object.fromEntries(
		[
			'Transfer-Encoding: chunked',
			'transfer-encoding: CHUNKED',
			'Transfer-Encoding:\tchunked',
			'Transfer-Encoding: chunked ',
			'Transfer-Encoding : chunked',
			' Transfer-Encoding: chunked',
			'Transfer-Encoding: xchunked',
			'Transfer-Encoding: chunked, identity',
			'Transfer-Encoding: identity, chunked',
			'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity',
			'Transfer-Encoding: identity\r\nTransfer-Encoding: chunked',
			'Transfer-Encoding: "chunked"',
			'Transfer-Encoding: chun\0ked',
			'Transfer-Encoding: chunked\x0b',
			'Transfer-Encoding:\r\n chunked',
			'X-A: b\r\n Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked',
			'X-A: b\nTransfer-Encoding: chunked',
			'X-A: b\rTransfer-Encoding: chunked',
		].flatMap(encoding => [
			[`a length that says more, and ${JSON.stringify(encoding)}`, lengthSaysMore(encoding)],
			[`a length that says less, and ${JSON.stringify(encoding)}`, lengthSaysLess(encoding)],
		]),
	),
	'two lengths, the first larger': ambiguous(`Content-Length: ${smuggled.length}\r\nContent-Length: 0\r\n`, smuggled),
	'two lengths, the second larger': ambiguous(`Content-Length: 0\r\nContent-Length: ${smuggled.length}\r\n`, smuggled),
	'two lengths in one': ambiguous(`Content-Length: 0, ${smuggled.length}\r\n`, smuggled),
	'a length with a sign': ambiguous('Content-Length: +0\r\n', smuggled),
	'a length in hex': ambiguous('Content-Length: 0x0\r\n', smuggled),
	'a length with a space before its colon': ambiguous('Content-Length : 0\r\n', smuggled),
	'a folded length': ambiguous('Content-Length: 0\r\n 0\r\n', smuggled),
	'a length of two numbers': ambiguous('Content-Length: 0 0\r\n', smuggled),
	'a chunk size with a sign': ambiguous('Transfer-Encoding: chunked\r\n', `-1\r\n${smuggled}`),
	'a chunk size in hex with its mark': ambiguous('Transfer-Encoding: chunked\r\n', `0x0\r\n\r\n${smuggled}`),
	'a chunk size with a space before': ambiguous('Transfer-Encoding: chunked\r\n', ` 0\r\n\r\n${smuggled}`),
	'a chunk extension with a bare line end': ambiguous(
		'Transfer-Encoding: chunked\r\n',
		`2;a\nxx\r\n4c\r\n0\r\n\r\n${smuggled}`,
	),
	'a chunk that ends with a bare line end': ambiguous('Transfer-Encoding: chunked\r\n', `2\r\n{}\n0\n\n${smuggled}`),
	'a chunk that ends with a bare return': ambiguous('Transfer-Encoding: chunked\r\n', `2\r\n{}\r0\r\r${smuggled}`),
};
