#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

// Swift cannot call what follows: EVP_PKEY_Q_keygen is variadic, BIO_get_mem_data and
// XN_FLAG_RFC2253 are macros.

/// A new key on the named curve, owned by the caller, or NULL.
static inline EVP_PKEY *assay_generate_ec_key(const char *curve) {
    return EVP_PKEY_Q_keygen(NULL, NULL, "EC", curve);
}

/// A new Ed25519 key, owned by the caller, or NULL.
static inline EVP_PKEY *assay_generate_ed25519_key(void) {
    return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
}

/// The bytes held by a memory BIO, borrowed from it, and their count.
static inline long assay_bio_bytes(BIO *bio, char **bytes) {
    return BIO_get_mem_data(bio, bytes);
}

/// Writes a name as RFC 2253 does, in UTF-8 and on one line; negative if it fails.
static inline int assay_write_name(BIO *bio, const X509_NAME *name) {
    return X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
}
