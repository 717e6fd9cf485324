"""TLS to the broker: the context for one connection, and what is wrong with the certificate we show."""

import ssl

from fleetmon.ingest.settings import TlsSettings
from fleetmon.model.errors import ConfigError


def tls_context(settings: TlsSettings) -> ssl.SSLContext:
    """A client context, of the files as they are now; raises ConfigError naming the file that cannot be used."""
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
        context.minimum_version = ssl.TLSVersion.TLSv1_2  # some builds of Python leave it to OpenSSL's own settings
        if settings.cert_file:
            context.load_cert_chain(settings.cert_file, settings.key_file)
    except (OSError, ssl.SSLError) as error:
        names = ", ".join(name for name in (settings.ca_file, settings.cert_file, settings.key_file) if name)
        raise ConfigError(
            [f"mqtt.tls: {names}: {error}; check that the files exist, fit together and are readable"]
        ) from None
    return context


def with_our_fault(reason: str, settings: TlsSettings | None) -> str:
    """The reason of a failure, and what a broker finds wrong with our own certificate, such as its age.

    In TLS 1.3 we may speak before the broker has judged it (RFC 8446, figure 1). If it then hangs up with our
    words unread, TCP may drop its alert, and all that we learn is a connection that was reset.
    """
    try:
        fault = _fault(settings) if settings is not None and settings.cert_file else None
    except (OSError, ssl.SSLError):
        fault = None  # unreadable by now: `tls_context` says so at the next attempt
    return reason if fault is None else f"{reason} (our own certificate, mqtt.tls.cert_file: {fault}; renew it)"


def _fault(settings: TlsSettings) -> str | None:
    """Ask OpenSSL: a broker in memory, which trusts this very certificate and so doubts nothing but its dates."""
    assert settings.cert_file is not None
    broker = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    broker.load_cert_chain(settings.cert_file, settings.key_file)
    broker.load_verify_locations(settings.cert_file)
    broker.verify_mode = ssl.CERT_REQUIRED
    broker.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    client.load_cert_chain(settings.cert_file, settings.key_file)
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (client.wrap_bio(back, there), broker.wrap_bio(there, back, server_side=True))
    for end in ends * 2:  # two flights each: hello, and the certificate with its proof
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            continue
        except ssl.SSLCertVerificationError as error:
            return error.verify_message
    return None
