import Testing

/// Keys in forms that are refused; made with the openssl command for these tests and used nowhere else.
enum KeySamples {
    struct Sample: Sendable, CustomTestStringConvertible {
        let name: String
        let says: String
        let pem: String

        var testDescription: String { name }
    }

    /// One P-256 key in both encrypted forms, with the passphrase below.
    static let encryptedPrivateKeys = [
        Sample(
            name: "encrypted PKCS#8", says: "encrypted",
            pem: """
                -----BEGIN ENCRYPTED PRIVATE KEY-----
                MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAi8UR3QEM0buwICCAAw
                DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEJfa5ORf3EbOs4W8fFVaRDQEgZDq
                +LfC114Bvredev7YhtTFFCwAOdS0HU/lOTMIzqKQPoK5BWe7hQaGwrb+Ukyta/3C
                bJStcjjXgJCWfBsEsmKCsopYA0ONS/ptr6kN3FZkiiYPHCWg9u/e+BfN+b0RYceA
                9p9xAcH362If0jOFULEpVEAx+moe8akmYz4Am/oyAoVsE+xNQqGugTnTyxzLr+g=
                -----END ENCRYPTED PRIVATE KEY-----
                """),
        Sample(
            name: "encrypted SEC1", says: "encrypted",
            pem: """
                -----BEGIN EC PRIVATE KEY-----
                Proc-Type: 4,ENCRYPTED
                DEK-Info: AES-256-CBC,3C99D7FE22722B4937C972E3F6FE1184

                ZY/9K0nLesfcyrnr55mfI4djeWk5GKjfQyDZNKvjVUAzIFsD2qSK9HvCM9nrvIgT
                5wGml3EqZhJXrd/Um73/7rNejllut/prpmnm1/5e2L/TRihgkdNs8ooLU0aRs1S1
                80QVrw22QWmOROwqJARKjPZPhhyPxv5JUNCMT5Q0pSk=
                -----END EC PRIVATE KEY-----
                """),
    ]

    static let passphrase = "correct hörse"

    /// A signature cut anywhere, with each of its bytes changed, and with a byte behind it.
    static func damaged(_ signature: [UInt8]) -> [[UInt8]] {
        let cut = signature.indices.map { Array(signature[..<$0]) }
        let changed = signature.indices.map { index in
            var damaged = signature
            damaged[index] ^= 1
            return damaged
        }
        return cut + changed + [signature + [0]]
    }

    /// The public half of the encrypted keys.
    static let publicHalf = """
        -----BEGIN PUBLIC KEY-----
        MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEyirJBYpHx6wXqdWSsVsacHTElC4+
        /p1ZtVbQhDwNNHc7ibj4aLbwUjZ3a1Ds9Q0YbBc4AkfI8mNTqUxlrgYSZw==
        -----END PUBLIC KEY-----

        """

    static let refusedPrivateKeys = [
        Sample(
            name: "Ed25519", says: "P-256",
            pem: """
                -----BEGIN PRIVATE KEY-----
                MC4CAQAwBQYDK2VwBCIEIP8xzzDiMJmSoqtIudlp/aJmBR1eyakusxGUzyQ7x4Bn
                -----END PRIVATE KEY-----
                """),
        Sample(
            name: "secp256k1", says: "P-256",
            pem: """
                -----BEGIN PRIVATE KEY-----
                MIGEAgEAMBAGByqGSM49AgEGBSuBBAAKBG0wawIBAQQg24L8idlS7+TUhcAsPysY
                nDl+rwAhAxHk6pd6biuBHP+hRANCAARigELY7mpwbzyMnbnxtgq1fYqze07P/ttK
                Un+hl/C0BXwBElW7xkmOOR2Mfhum+PsyKHoiKWDlnnUfYSR5Qaum
                -----END PRIVATE KEY-----
                """),
        Sample(name: "empty", says: "not one PEM block", pem: ""),
        Sample(name: "text", says: "not one PEM block", pem: "a\nb\nc\n"),
        Sample(name: "header alone", says: "not one PEM block", pem: "-----BEGIN -----\nAA==\n-----END -----\n"),
        Sample(
            name: "not base64", says: "not a private key",
            pem: "-----BEGIN PRIVATE KEY-----\n!!\n-----END PRIVATE KEY-----\n"),
        Sample(name: "large", says: "longer than", pem: String(repeating: "A", count: 100_000)),
    ]

    /// An Ed25519 key, encrypted with the passphrase above.
    static let encryptedEd25519 = """
        -----BEGIN ENCRYPTED PRIVATE KEY-----
        MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAhnM6+wAEQp+AICCAAw
        DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEELfKL2WD4fa0Ry4jEIJkAv0EQIzA
        oHaWtXZHsCL15tIGqjdHbxxFcQZQOyayttf9/pYQoWreU5D5vWSOit1sypw+0VGq
        NvXO1KYPfgHjlrPzL7w=
        -----END ENCRYPTED PRIVATE KEY-----
        """

    static let refusedPublicKeys = [
        Sample(
            name: "Ed25519", says: "P-256",
            pem: """
                -----BEGIN PUBLIC KEY-----
                MCowBQYDK2VwAyEAQSU+rm+NKhBVCYJSy6EMKdh3Bu57ebwbD2HvwgtTrPY=
                -----END PUBLIC KEY-----
                """),
        Sample(
            name: "secp256k1", says: "P-256",
            pem: """
                -----BEGIN PUBLIC KEY-----
                MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAEYoBC2O5qcG88jJ258bYKtX2Ks3tOz/7b
                SlJ/oZfwtAV8ARJVu8ZJjjkdjH4bpvj7Mih6Iilg5Z51H2EkeUGrpg==
                -----END PUBLIC KEY-----
                """),
        Sample(
            name: "certificate", says: "'CERTIFICATE'",
            pem: "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"),
        Sample(
            name: "empty block", says: "not one PEM block",
            pem: "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n"),
    ]
}
