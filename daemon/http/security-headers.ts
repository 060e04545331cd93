/**
What every answer says to a browser: that it is no page, is no part of another page, and may do nothing. Whoever serves a page
of ours puts a policy of its own in place of this one.
*/
export const securityHeaders = {
	'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
	'Cross-Origin-Opener-Policy': 'same-origin',
	'Cross-Origin-Resource-Policy': 'same-origin',
	'Permissions-Policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
	'Referrer-Policy': 'no-referrer',
	'X-Content-Type-Options': 'nosniff',
} as const;

/** For what people stored: whatever it is, it acts as nobody, least of all as a page of ours. */
export const DOWNLOAD_POLICY = `sandbox; ${securityHeaders['Content-Security-Policy']}`;

/**
For the web page: its own scripts and styles, calls to its own origin, and what it shows of people's files: pictures and films by
their address, the rest as blobs whose type it sets itself.
*/
export const PAGE_POLICY = [
	"default-src 'none'",
	"script-src 'self'",
	"style-src 'self'",
	"connect-src 'self'",
	"img-src 'self' blob:",
	"media-src 'self' blob:",
	"frame-src 'self' blob:",
	"base-uri 'none'",
	"form-action 'none'",
	"frame-ancestors 'none'",
].join('; ');

/** Over TLS only: for half a year nobody is to come without it. */
export const STRICT_TRANSPORT = 'max-age=15552000';
