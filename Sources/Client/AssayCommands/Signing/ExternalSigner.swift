import AssayCrypto
import AssayDomain
import Dispatch
import Foundation

/// A command that signs: the private key stays where it is, in a KMS, an HSM or another process.
///
/// The shell runs it for each signature. It reads the message to its end and writes one ECDSA signature in DER form;
/// `openssl dgst -sha256 -sign key.pem` is such a command for P-256. What it gives is checked with the public key.
struct ExternalSigner: MessageSigner {
    private static let secondsMax = 120
    /// A DER signature of P-521 has under 150 bytes.
    private static let signatureBytesMax = 4_096

    let command: String
    let publicKey: PublicKey

    /// Throws `signer-failed`.
    func sign(_ message: [UInt8]) throws -> [UInt8] {
        let signature = try run(message)
        guard publicKey.verify(signature: signature, message: message) else {
            throw Self.failure(
                "it gave \(signature.count) bytes that are no signature by the key \(publicKey.id.prefix(12))")
        }
        return signature
    }

    private func run(_ message: [UInt8]) throws -> [UInt8] {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", command]
        let (input, output) = (Pipe(), Pipe())
        process.standardInput = input
        process.standardOutput = output
        let ended = DispatchSemaphore(value: 0)
        process.terminationHandler = { _ in ended.signal() }
        do {
            try process.run()
        } catch {
            throw Self.failure("it cannot be started")
        }
        let deadline = DispatchWorkItem { process.terminate() }
        DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(Self.secondsMax), execute: deadline)
        defer { deadline.cancel() }
        // A command that does not read its input ends on its own terms; its signature decides.
        try? input.fileHandleForWriting.write(contentsOf: Data(message))
        try? input.fileHandleForWriting.close()
        let signature = try output.fileHandleForReading.read(upToCount: Self.signatureBytesMax) ?? Data()
        try? output.fileHandleForReading.close()
        ended.wait()
        guard process.terminationReason == .exit, process.terminationStatus == 0 else {
            throw Self.failure("it ended with status \(process.terminationStatus)")
        }
        return [UInt8](signature)
    }

    private static func failure(_ reason: String) -> AssayError {
        AssayError(
            .signerFailed, "the command of --signer gave no signature", reason: reason,
            remedy: "it must read the message from standard input and write an ECDSA signature in DER form")
    }
}
