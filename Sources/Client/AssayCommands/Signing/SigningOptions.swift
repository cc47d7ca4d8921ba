import ArgumentParser
import AssayClient
import AssayCrypto
import AssayDomain

/// The options that say with which key something is signed.
struct SigningOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("Sign with this private key; with --signer, the public key of that.", valueName: "file"),
        completion: .file())
    var key: String?

    @Option(
        help: ArgumentHelp(
            "A file with the passphrase of the key. [environment: ASSAY_PASSPHRASE]", valueName: "file"),
        completion: .file())
    var passphraseFile: String?

    @Option(
        help: ArgumentHelp(
            "Sign by this command: it gets the message on standard input and gives the ECDSA signature (DER) on "
                + "standard output, so that a KMS or an HSM can hold the key.", valueName: "command"))
    var signer: String?

    @Option(
        help: ArgumentHelp(
            "How long the command may take, in seconds; \(ExternalSigner.secondsDefault) if not given.",
            valueName: "seconds"))
    var signerTimeout: Int?

    /// The key, or the command, to sign with; nil if none was named. Throws `usage`, `key-invalid`,
    /// `configuration-invalid` for files that others may read.
    func resolve() throws(AssayError) -> (any MessageSigner)? {
        if let signer {
            guard let key else {
                throw AssayError(
                    .usage, "--signer says how to sign, but not for which key",
                    remedy: "add --key with the public key, so that the signature can be checked")
            }
            guard let publicKey = try Arguments.publicKeys([key]).first else { return nil }
            return ExternalSigner(command: signer, publicKey: publicKey, deadline: try deadline())
        }
        guard signerTimeout == nil else {
            throw AssayError(.usage, "--signer-timeout is of no command; add --signer")
        }
        guard let key else {
            guard passphraseFile == nil else { throw AssayError(.usage, "--passphrase-file is of no key; add --key") }
            return nil
        }
        return try PrivateKey(pem: Arguments.privateKey(key), passphrase: passphrase)
    }

    /// As `resolve()`, where something must be signed.
    func requiredSigner() throws(AssayError) -> any MessageSigner {
        guard let signer = try resolve() else {
            throw AssayError(.usage, "no key is named", remedy: "add --key FILE, or --signer COMMAND and --key PUBLIC")
        }
        return signer
    }

    private func deadline() throws(AssayError) -> Duration {
        let seconds = signerTimeout ?? ExternalSigner.secondsDefault
        guard 1...ExternalSigner.secondsMax ~= seconds else {
            throw AssayError(
                .usage, "--signer-timeout is \(seconds) seconds", remedy: "use 1 to \(ExternalSigner.secondsMax)")
        }
        return .seconds(seconds)
    }

    private func passphrase() throws(AssayError) -> String { try Passphrase.read(passphraseFile) }
}

/// The passphrase of an encrypted key.
enum Passphrase {
    /// The first line of a file, or the variable. Throws `key-invalid` where neither is there.
    static func read(_ file: String?) throws(AssayError) -> String {
        if let file {
            let text = try Arguments.secret(file)
            return String(text.prefix { !$0.isNewline })
        }
        guard let text = CommandEnvironment.current.variables["ASSAY_PASSPHRASE"], !text.isEmpty else {
            throw AssayError(
                .keyInvalid, "the private key is encrypted, and no passphrase is given",
                remedy: "add --passphrase-file FILE, or set ASSAY_PASSPHRASE")
        }
        return text
    }
}
