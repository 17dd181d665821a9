//! What a number is really used for where IANA says something else or nothing: never presented as IANA's (A8).
//!
//! Each line names the documentation that states the number. A use whose name IANA's own name already tells
//! (6379 `redis`, 2375 `docker`) has no line here.

use crate::{
    port::Protocol,
    text,
    words::{Text, Words},
};

/// What commonly listens on a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Practice {
    /// The number.
    pub port: u16,
    /// The protocol.
    pub protocol: Protocol,
    /// Who uses it, without a verb.
    pub users: Words,
    /// The documentation that says so.
    pub source: &'static str,
}

impl Practice {
    /// The use as a sentence of its own, to stand behind what IANA says.
    #[must_use]
    pub fn text(&self) -> Text {
        let Words { en, ja } = self.users;
        text!("in practice used by {en}", "実際の用途: {ja}")
    }
}

/// What commonly listens on `port`, where that is not what it is assigned to.
#[must_use]
pub fn in_practice(port: u16, protocol: Protocol) -> Option<&'static Practice> {
    let first = PRACTICES.partition_point(|practice| practice.port < port);
    let same = PRACTICES.get(first..)?.iter().take_while(|practice| practice.port == port);
    same.into_iter().find(|practice| practice.protocol == protocol)
}

/// Every use, in order of number.
pub const PRACTICES: &[Practice] = &[
    tcp(783, "SpamAssassin's spamd", "SpamAssassin の spamd", "spamd(8p); Debian netbase"),
    tcp(
        1521,
        "Oracle Database's listener",
        "Oracle Database のリスナー",
        "Oracle Database Net Services documentation",
    ),
    tcp(
        3000,
        "development servers such as Rails, Express and Next.js, and by Grafana",
        "Rails、Express、Next.js などの開発用サーバーや Grafana",
        "Rails Guides; Next.js documentation; Grafana documentation",
    ),
    tcp(3128, "the proxy Squid", "プロキシの Squid", "Squid documentation, http_port"),
    tcp(
        4000,
        "development servers such as Phoenix and Jekyll",
        "Phoenix や Jekyll などの開発用サーバー",
        "Phoenix guides; Jekyll documentation",
    ),
    tcp(4173, "Vite's preview server", "Vite のプレビューサーバー", "Vite documentation, preview.port"),
    tcp(
        4200,
        "Angular's development server",
        "Angular の開発用サーバー",
        "Angular CLI documentation, ng serve",
    ),
    tcp(4222, "the message broker NATS", "メッセージブローカーの NATS", "NATS documentation"),
    tcp(
        5000,
        "development servers such as Flask, and by container registries",
        "Flask などの開発用サーバーやコンテナレジストリ",
        "Flask documentation; CNCF Distribution documentation",
    ),
    tcp(
        5044,
        "Logstash for Beats",
        "Beats を受け取る Logstash",
        "Elastic documentation, Logstash beats input",
    ),
    tcp(5173, "Vite's development server", "Vite の開発用サーバー", "Vite documentation, server.port"),
    tcp(
        5601,
        "Kibana and OpenSearch Dashboards",
        "Kibana や OpenSearch Dashboards",
        "Kibana documentation, server.port",
    ),
    tcp(5667, "the Nagios add-on NSCA", "Nagios のアドオン NSCA", "Debian netbase"),
    tcp(
        6006,
        "TensorBoard and Storybook",
        "TensorBoard や Storybook",
        "TensorBoard documentation; Storybook documentation",
    ),
    tcp(
        6443,
        "the Kubernetes API server",
        "Kubernetes の API サーバー",
        "Kubernetes documentation, Ports and Protocols",
    ),
    tcp(
        7000,
        "Cassandra between its nodes",
        "Cassandra のノード間通信",
        "Apache Cassandra documentation, storage_port",
    ),
    tcp(7001, "Oracle WebLogic Server", "Oracle WebLogic Server", "Oracle WebLogic Server documentation"),
    tcp(7860, "Gradio applications", "Gradio のアプリケーション", "Gradio documentation, GRADIO_SERVER_PORT"),
    tcp(
        8000,
        "development servers such as Django and `python3 -m http.server`",
        "Django や `python3 -m http.server` などの開発用サーバー",
        "Django documentation, runserver; Python Library Reference, http.server",
    ),
    tcp(8006, "the web interface of Proxmox VE", "Proxmox VE の Web 画面", "Proxmox VE Administration Guide"),
    tcp(
        8080,
        "application and development servers such as Tomcat and Jenkins, and by HTTP proxies",
        "Tomcat や Jenkins などのアプリケーションサーバー、開発用サーバー、HTTP プロキシ",
        "Apache Tomcat documentation; Jenkins documentation",
    ),
    tcp(8081, "Nexus Repository", "Nexus Repository", "Sonatype Nexus Repository documentation"),
    tcp(8086, "InfluxDB", "InfluxDB", "InfluxData documentation"),
    tcp(
        8088,
        "Hadoop YARN and Superset",
        "Hadoop YARN や Superset",
        "Apache Hadoop documentation; Apache Superset documentation",
    ),
    tcp(
        8096,
        "the media server Jellyfin",
        "メディアサーバーの Jellyfin",
        "Jellyfin documentation, Networking",
    ),
    tcp(
        8123,
        "ClickHouse over HTTP, and by Home Assistant",
        "ClickHouse の HTTP インターフェースや Home Assistant",
        "ClickHouse documentation; Home Assistant documentation",
    ),
    tcp(8200, "HashiCorp Vault", "HashiCorp Vault", "HashiCorp Vault documentation"),
    tcp(8384, "the web interface of Syncthing", "Syncthing の Web 画面", "Syncthing documentation"),
    tcp(
        8443,
        "application and development servers over TLS, such as Tomcat",
        "Tomcat など TLS を使うアプリケーションサーバーや開発用サーバー",
        "Apache Tomcat documentation, SSL/TLS Configuration",
    ),
    tcp(8500, "HashiCorp Consul", "HashiCorp Consul", "HashiCorp Consul documentation, Required ports"),
    tcp(
        8501,
        "Streamlit applications",
        "Streamlit のアプリケーション",
        "Streamlit documentation, server.port",
    ),
    tcp(
        8888,
        "Jupyter and other development servers",
        "Jupyter などの開発用サーバー",
        "Jupyter Server documentation",
    ),
    tcp(8983, "Solr", "Solr", "Apache Solr Reference Guide"),
    tcp(
        9000,
        "PHP-FPM, MinIO and SonarQube",
        "PHP-FPM、MinIO、SonarQube",
        "PHP manual, FPM; MinIO documentation; SonarQube documentation",
    ),
    tcp(
        9042,
        "Cassandra's and ScyllaDB's clients",
        "Cassandra や ScyllaDB のクライアント接続",
        "Apache Cassandra documentation, native_transport_port",
    ),
    tcp(9050, "Tor's SOCKS proxy", "Tor の SOCKS プロキシ", "tor(1), SocksPort"),
    tcp(9090, "Prometheus and Cockpit", "Prometheus や Cockpit", "Prometheus documentation; Cockpit Guide"),
    tcp(
        9091,
        "the web interface of Transmission",
        "Transmission の Web 画面",
        "Transmission documentation, rpc-port",
    ),
    tcp(9092, "Kafka", "Kafka", "Apache Kafka documentation"),
    tcp(
        9093,
        "Prometheus' Alertmanager",
        "Prometheus の Alertmanager",
        "Prometheus documentation, Alertmanager",
    ),
    tcp(
        9100,
        "printers (raw printing), and by Prometheus' node_exporter",
        "プリンター(RAW 印刷)や Prometheus の node_exporter",
        "CUPS documentation, socket:; Prometheus documentation, node_exporter",
    ),
    tcp(
        9200,
        "Elasticsearch and OpenSearch",
        "Elasticsearch や OpenSearch",
        "Elastic documentation, http.port; OpenSearch documentation",
    ),
    tcp(9229, "the debugger of Node.js", "Node.js のデバッガー", "Node.js documentation, --inspect"),
    tcp(
        9300,
        "Elasticsearch and OpenSearch between their nodes",
        "Elasticsearch や OpenSearch のノード間通信",
        "Elastic documentation, transport.port; OpenSearch documentation",
    ),
    tcp(9443, "Portainer over TLS", "TLS を使う Portainer", "Portainer documentation"),
    tcp(
        10250,
        "the kubelet of Kubernetes",
        "Kubernetes の kubelet",
        "Kubernetes documentation, Ports and Protocols",
    ),
    tcp(
        10257,
        "the controller manager of Kubernetes",
        "Kubernetes の controller manager",
        "Kubernetes documentation, Ports and Protocols",
    ),
    tcp(
        10259,
        "the scheduler of Kubernetes",
        "Kubernetes の scheduler",
        "Kubernetes documentation, Ports and Protocols",
    ),
    tcp(
        15672,
        "the management interface of RabbitMQ",
        "RabbitMQ の管理画面",
        "RabbitMQ documentation, Networking",
    ),
    tcp(16686, "the web interface of Jaeger", "Jaeger の Web 画面", "Jaeger documentation"),
    tcp(19999, "Netdata", "Netdata", "Netdata documentation"),
    tcp(22000, "Syncthing between devices", "Syncthing の端末間通信", "Syncthing documentation"),
    tcp(25565, "Minecraft servers", "Minecraft サーバー", "Minecraft server.properties, server-port"),
    tcp(25672, "RabbitMQ between its nodes", "RabbitMQ のノード間通信", "RabbitMQ documentation, Networking"),
    tcp(
        50000,
        "IBM Db2 and Jenkins agents",
        "IBM Db2 や Jenkins のエージェント",
        "IBM Db2 documentation; Jenkins documentation",
    ),
    udp(51820, "WireGuard", "WireGuard", "WireGuard documentation, Quick Start"),
];

const fn tcp(port: u16, en: &'static str, ja: &'static str, source: &'static str) -> Practice {
    Practice { port, protocol: Protocol::Tcp, users: Words { en, ja }, source }
}

const fn udp(port: u16, en: &'static str, ja: &'static str, source: &'static str) -> Practice {
    Practice { port, protocol: Protocol::Udp, users: Words { en, ja }, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Registry;

    #[test]
    fn uses_are_in_order_and_sourced() {
        assert!(PRACTICES.is_sorted_by(|a, b| (a.port, a.protocol) < (b.port, b.protocol)));
        for practice in PRACTICES {
            assert!(!practice.source.is_empty() && !practice.users.en.is_empty(), "{practice:?}");
            assert!(!practice.users.ja.is_empty(), "{practice:?}");
        }
    }

    #[test]
    fn the_common_misuses_are_told() {
        for port in [3000, 5000, 5173, 8000, 8080, 8443, 8888, 9000, 9090, 9200] {
            assert!(in_practice(port, Protocol::Tcp).is_some(), "{port}");
        }
        let text = in_practice(5173, Protocol::Tcp).unwrap().text();
        assert_eq!(text.en, "in practice used by Vite's development server");
        assert_eq!(text.ja, "実際の用途: Vite の開発用サーバー");
        assert_eq!(in_practice(443, Protocol::Tcp), None);
        assert_eq!(in_practice(51820, Protocol::Tcp), None);
        assert_eq!(in_practice(51820, Protocol::Udp).unwrap().users.en, "WireGuard");
    }

    /// What IANA's own name says already needs no second line.
    #[test]
    fn no_use_repeats_the_registry() {
        for Practice { port, protocol, users, .. } in PRACTICES {
            for name in Registry::builtin().names(*port, *protocol) {
                assert!(
                    !users.en.to_ascii_lowercase().contains(&name.to_ascii_lowercase()),
                    "{port} is {name}"
                );
            }
        }
    }
}
