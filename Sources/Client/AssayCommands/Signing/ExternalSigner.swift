import AssayCrypto
import AssayDomain

/// A command that signs: the private key stays where it is, in a KMS, an HSM or another process.
///
/// The shell runs it for each signature. It reads the message to its end and writes one ECDSA signature in DER form;
/// `openssl dgst -sha256 -sign key.pem` is such a command for P-256. What it gives is checked with the public key.
struct ExternalSigner: MessageSigner {
    /// How long a command may take, in seconds, if nobody says otherwise, and the longest that may be said.
    static let secondsDefault = 60
    static let secondsMax = 3_600
    /// A DER signature of P-521 has under 150 bytes.
    private static let signatureBytesMax = 4_096

    let command: String
    let publicKey: PublicKey
    /// How long it may take.
    var deadline = Duration.seconds(secondsDefault)
    private let stopFlag = StopFlag()

    init(command: String, publicKey: PublicKey, deadline: Duration = .seconds(secondsDefault)) {
        self.command = command
        self.publicKey = publicKey
        self.deadline = deadline
    }

    /// Ends a command that runs, and whatever it started, from another thread.
    func stop() { stopFlag.set() }

    /// Blocks until the command has ended. Throws `signer-failed`, and `CancellationError` once `stop` was called.
    func sign(_ message: [UInt8]) throws -> [UInt8] {
        let signature = try run(message)
        guard publicKey.verify(signature: signature, message: message) else {
            throw Self.failure(
                "it gave \(signature.count) bytes that are no signature by the key \(publicKey.id.prefix(12))")
        }
        return signature
    }

    private func run(_ message: [UInt8]) throws -> [UInt8] {
        let process: CommandProcess
        do {
            process = try CommandProcess(shell: command)
        } catch {
            throw Self.failure("it cannot be started: \(error.reason ?? error.message)")
        }
        switch process.exchange(
            message, answerBytesMax: Self.signatureBytesMax, deadline: deadline, stop: stopFlag)
        {
        case .exited(0, let answer): return answer
        case .exited(let status, _): throw Self.failure("it ended with status \(status)")
        case .killed(let number): throw Self.failure("it was ended by signal \(number)")
        case .flooded: throw Self.failure("it gave over \(Self.signatureBytesMax) bytes")
        case .late: throw Self.failure("it did not end within \(deadline.components.seconds) seconds")
        case .stopped: throw CancellationError()
        }
    }

    private static func failure(_ reason: String) -> AssayError {
        AssayError(
            .signerFailed, "the command of --signer gave no signature", reason: reason,
            remedy: "it must read the message from standard input and write an ECDSA signature in DER form; one that "
                + "needs longer gets it by --signer-timeout")
    }
}
