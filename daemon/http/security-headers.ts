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

/** Over TLS only: for half a year nobody is to come without it. */
export const STRICT_TRANSPORT = 'max-age=15552000';
