import AssayCrypto
import AssayDomain
import Dispatch
import Foundation
import Glibc
import Testing

@testable import AssayCommands

/// Commands that sign in place of a key.
struct SignerTests {
    private let folder: TestFolder
    private let key: PrivateKey
    private let keyFile: String

    init() throws {
        // As the program does: a command may end without reading what it is given.
        signal(SIGPIPE, SIG_IGN)
        folder = try TestFolder()
        key = try PrivateKey.generate()
        keyFile = try folder.write(key.pem, as: "key.pem")
    }

    private func signer(_ command: String, deadline: Duration = .seconds(30)) -> ExternalSigner {
        ExternalSigner(command: command, publicKey: key.publicKey, deadline: deadline)
    }

    private func failure(_ command: String, deadline: Duration = .seconds(30)) -> AssayError? {
        do {
            _ = try signer(command, deadline: deadline).sign(Array("message".utf8))
            return nil
        } catch {
            return error as? AssayError
        }
    }

    /// The number that a command wrote of a process that it started.
    private func started(_ name: String) throws -> pid_t {
        let text = try String(contentsOfFile: "\(folder.path)/\(name)", encoding: .utf8)
        return try #require(pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines)))
    }

    /// Whether a process is gone, or only waits to be collected by whoever has it now.
    private func isGone(_ pid: pid_t) -> Bool {
        for _ in 0..<200 {
            guard let status = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8) else { return true }
            if status.split(separator: ")").last?.hasPrefix(" Z") == true { return true }
            usleep(10_000)
        }
        return false
    }

    @Test func `a message larger than a pipe reaches the command, and its signature is checked`() throws {
        let message = [UInt8](repeating: 7, count: 1 << 20)
        let signature = try signer("openssl dgst -sha256 -sign \(keyFile)").sign(message)
        #expect(key.publicKey.verify(signature: signature, message: message))
    }

    @Test(arguments: [
        "false", "true", "no-such-command-of-anybody", "kill -9 $$", "cat", "cat >/dev/null; head -c 9000000 /dev/zero",
        "exec >&-; exit 3",
    ])
    func `a command that gives no signature is told`(command: String) {
        #expect(failure(command)?.code == .signerFailed)
    }

    @Test func `a command that outlives its time is ended with all that it started`() throws {
        let error = try #require(
            failure("sleep 60 & echo $! >\(folder.path)/child; wait", deadline: .milliseconds(500)))
        #expect(error.code == .signerFailed)
        #expect(error.reason?.contains("did not end") == true)
        #expect(isGone(try started("child")))
    }

    @Test func `a command that closes its output and stays is ended too`() throws {
        #expect(failure("exec >&-; sleep 60", deadline: .milliseconds(300))?.code == .signerFailed)
    }

    @Test func `what a command leaves behind does not keep its answer back, and is ended`() throws {
        let signer = signer(
            "sleep 60 & echo $! >\(folder.path)/child; openssl dgst -sha256 -sign \(keyFile)")
        let message = Array("message".utf8)
        #expect(key.publicKey.verify(signature: try signer.sign(message), message: message))
        #expect(isGone(try started("child")))
    }

    @Test func `a command that was told to stop is a cancellation`() throws {
        let signer = signer("echo $$ >\(folder.path)/child; exec sleep 60")
        DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(300)) { signer.stop() }
        #expect(throws: CancellationError.self) { try signer.sign([1]) }
        #expect(isGone(try started("child")))
    }

    @Test(arguments: [
        ["--signer-timeout", "5"], ["--signer-timeout", "0", "--signer", "cat"],
        ["--signer-timeout", "3601", "--signer", "cat"],
    ])
    func `a time that means nothing is refused`(options: [String]) async throws {
        let file = try folder.write(key.publicKey.pem, as: "key.pub.pem")
        let captured = Captured()
        #expect(await captured.run(["sign", "m:1", "--key", file, "--store", "s"] + options) == 2)
        #expect(captured.error.contains("--signer-timeout"))
    }

    @Test func `a public key in place of the private one is told as that`() async throws {
        let file = try folder.write(key.publicKey.pem, as: "key.pub.pem")
        let captured = Captured()
        #expect(await captured.run(["sign", "m:1", "--key", file, "--store", "s"]) == 2)
        #expect(captured.error.contains("holds no private key") && !captured.error.contains("chmod"))
    }
}
