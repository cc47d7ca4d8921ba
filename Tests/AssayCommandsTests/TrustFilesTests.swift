import AssayCrypto
import AssayDomain
import Testing

@testable import AssayCommands

struct TrustFilesTests {
    private let folder: TestFolder
    private let key: PublicKey
    private let log: Ed25519PublicKey

    init() throws {
        folder = try TestFolder()
        key = try PrivateKey.generate().publicKey
        log = try Ed25519PrivateKey.generate().publicKey
    }

    private func entry(
        id: String? = nil, until: Int64? = nil, revoked: Int64? = nil, repositories: [RepositoryPattern]? = nil
    ) -> TrustedKey {
        TrustedKey(
            id: id ?? key.id, name: "release", pem: key.pem, role: .release, repositories: repositories,
            validUntil: until.map { Timestamp(milliseconds: $0) }, addedAt: Timestamp(milliseconds: 0),
            revokedAt: revoked.map { Timestamp(milliseconds: $0) })
    }

    private func root(_ keys: [TrustedKey], as name: String = "root.json") throws -> String {
        try folder.write(String(decoding: try JSON.encode(TrustRoot(keys: keys)), as: UTF8.self), as: name)
    }

    private func failure(_ files: String...) -> ErrorCode? {
        do {
            _ = try TrustFiles.read(files)
            return nil
        } catch {
            return error.code
        }
    }

    @Test func `one key by itself may be any signer, or a log`() throws {
        let signer = try TrustFiles.read([folder.write(key.pem, as: "key.pem")])
        #expect(Set(signer.keys.map(\.role)) == [.release, .training, .registry])
        let trusted = try TrustFiles.read([folder.write(log.pem, as: "log.pem")])
        #expect(trusted.keys.map(\.role) == [.log])
    }

    @Test func `a root is what it says`() throws {
        #expect(try TrustFiles.read([root([entry(until: 5)])]).keys == [entry(until: 5)])
    }

    @Test func `an id of another key, an empty root and a private key are refused`() throws {
        #expect(try failure(root([entry(id: String(repeating: "0", count: 64))])) == .keyInvalid)
        #expect(try failure(root([])) == .usage)
        #expect(try failure(folder.write(try PrivateKey.generate().pem, as: "secret.pem")) == .keyInvalid)
    }

    @Test(arguments: [true, false])
    func `what one file revokes or ends, no other one brings back`(isOldFirst: Bool) throws {
        let old = try root([entry()], as: "old.json")
        let alone = try folder.write(key.pem, as: "key.pem")
        for (name, strict) in [("revoked.json", entry(revoked: 3)), ("ended.json", entry(until: 5))] {
            let new = try root([strict], as: name)
            for other in [old, alone] {
                let merged = try TrustFiles.read(isOldFirst ? [other, new] : [new, other])
                #expect(merged.keys.allSatisfy { !$0.isValid(at: Timestamp(milliseconds: 9)) })
                #expect(merged.keys.count > 1)
            }
        }
    }
}
