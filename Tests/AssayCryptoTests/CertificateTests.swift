import AssayCrypto
import AssayDomain
import Foundation
import Testing

/// The certificates of `fixtures/signatures/certificate`.
enum CertificateSamples {
    /// A time at which everything counts that is not made to be expired: 2050-01-01.
    static let time = Timestamp(milliseconds: 2_524_608_000_000)

    static func text(_ name: String) throws -> String {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("fixtures/signatures/certificate")
        return try String(contentsOf: folder.appendingPathComponent("\(name).pem"), encoding: .utf8)
    }

    /// The certificates of a file, in order.
    static func chain(_ name: String) throws -> [Certificate] {
        let end = "-----END CERTIFICATE-----\n"
        return try text("chains/\(name)").components(separatedBy: end).dropLast().map { try Certificate(pem: $0 + end) }
    }

    static func root(_ name: String = "root") throws -> Certificate { try Certificate(pem: text(name)) }
}

struct CertificateTests {
    @Test func `a certificate tells whom it names and when it counts`() throws {
        let text = try CertificateSamples.text("root")
        let root = try Certificate(pem: text)
        #expect(root.pem == text)
        #expect(root.id == Digest.sha256(of: text.utf8).hex)
        #expect(root.subject == "CN=Root,O=Assay Tests")
        #expect(root.notBefore.description == "2020-01-01T00:00:00.000Z")
        #expect(root.notAfter.description == "2120-01-01T00:00:00.000Z")
        #expect(try root.publicKey.curve == .p384)
        #expect(try Certificate(der: root.der) == root)
        #expect(try Certificate(pem: "\n" + text.replacingOccurrences(of: "\n", with: "\r\n")) == root)
    }

    @Test func `a name is on one line with its commas escaped`() throws {
        let leaf = try #require(CertificateSamples.chain("odd-name").first)
        #expect(leaf.subject == #"CN=a\0Ab,O=Grün\, AG"#)
    }

    @Test(arguments: ["chains/rsa-leaf", "chains/ed25519-leaf", "roots/rsa"])
    func `a key of another type is in a certificate and not given`(name: String) throws {
        let certificate = try CertificateSamples.root(name)
        let error = try #require(throws: AssayError.self) { try certificate.publicKey }
        #expect(error.code == .keyInvalid)
    }

    @Test func `text around a certificate is passed over`() throws {
        let text = try CertificateSamples.text("root")
        let alone = try Certificate(pem: text)
        #expect(try Certificate(pem: "Certificate:\n    Data:\n        Version: 3 (0x2)\n" + text + "note\n") == alone)
    }

    @Test func `anything but one certificate is refused`() throws {
        let text = try CertificateSamples.text("root")
        let key = try PrivateKey.generate()
        let begin = "-----BEGIN CERTIFICATE-----\n", end = "-----END CERTIFICATE-----\n"
        for text in [
            "", text + text, key.publicKey.pem + text, key.publicKey.pem, try key.pem, begin + "AA==\n" + end,
            begin + "!!\n" + end, text.replacingOccurrences(of: "CERTIFICATE", with: "TRUSTED CERTIFICATE"),
        ] {
            let error = try #require(throws: AssayError.self) { try Certificate(pem: text) }
            #expect(error.code == .keyInvalid)
        }
    }

    @Test func `a certificate that is cut short, longer or in another encoding is refused`() throws {
        let der = try CertificateSamples.root().der
        let indefinite = [0x30, 0x80] + der.dropFirst(4) + [0, 0]
        let large = [0x30, 0x83, 0x01, 0x00, 0x00] + [UInt8](repeating: 0, count: 65_536)
        for bytes in (0..<der.count).map({ Array(der.prefix($0)) }) + [der + [0], der + der, indefinite, large] {
            let error = try #require(throws: AssayError.self) { try Certificate(der: bytes) }
            #expect(error.code == .keyInvalid)
        }
    }
}
