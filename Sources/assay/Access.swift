import AssayClient
import AssayCrypto
import AssayDomain
import AssayRegistry
import Foundation
import Glibc

/// Decides who may reach the server over the network.
enum Access {
    private static let tokenBytesMin = 16
    private static let tokenBytesMax = 4096

    /// Everyone on loopback; beyond it only those with the token of a file.
    ///
    /// Throws `configuration-invalid` for an address beyond loopback without a token, and for a token file that is
    /// missing, not this user's alone, too short or too long.
    static func authenticate(
        host: String, tokenFile: String?, _ variables: [String: String], isReadOnly: Bool = false
    ) throws -> Authenticate {
        if let tokenFile {
            let token = try token(in: tokenFile, .ofSecrets(variables))
            return Authenticate(.token { ConstantTime.equals($0, token) }, isReadOnly: isReadOnly)
        }
        guard isLoopback(host) else {
            throw AssayError(
                .configurationInvalid, "\(Printable.quote(host)) can be reached from other machines",
                remedy: "name a file with a token: --token-file FILE, or listen on 127.0.0.1")
        }
        return Authenticate(.open, isReadOnly: isReadOnly)
    }

    static func isLoopback(_ host: String) -> Bool {
        if host == "localhost" { return true }
        var v4 = in_addr()
        if inet_pton(AF_INET, host, &v4) == 1 { return UInt32(bigEndian: v4.s_addr) >> 24 == 127 }
        var v6 = in6_addr()
        guard inet_pton(AF_INET6, host, &v6) == 1 else { return false }
        return withUnsafeBytes(of: &v6) { $0.dropLast().allSatisfy { $0 == 0 } && $0.last == 1 }
    }

    private static func token(in path: String, _ custody: Custody) throws -> String {
        let content: [UInt8]
        do {
            let file = try InputFile(path)
            try file.check(custody, called: "the token file \(Printable.quote(path))")
            content = try file.readAll(bytesMax: tokenBytesMax)
        } catch {
            if error.code == .configurationInvalid { throw error }
            throw AssayError(
                .configurationInvalid, "the token file \(Printable.quote(path)) cannot be read", reason: error.message,
                cause: error)
        }
        let token = String(decoding: content, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        guard token.utf8.count >= tokenBytesMin else {
            throw AssayError(
                .configurationInvalid, "the token in \(Printable.quote(path)) has under \(tokenBytesMin) bytes",
                remedy: "make one: openssl rand -hex 32 > \(path)")
        }
        return token
    }
}
