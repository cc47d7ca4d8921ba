#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

// Swift cannot call what follows: EVP_PKEY_Q_keygen is variadic, BIO_get_mem_data is a macro.

/// A new key on the named curve, owned by the caller, or NULL.
static inline EVP_PKEY *assay_generate_ec_key(const char *curve) {
    return EVP_PKEY_Q_keygen(NULL, NULL, "EC", curve);
}

/// The bytes held by a memory BIO, borrowed from it, and their count.
static inline long assay_bio_bytes(BIO *bio, char **bytes) {
    return BIO_get_mem_data(bio, bytes);
}
