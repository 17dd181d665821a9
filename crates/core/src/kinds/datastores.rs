//! Databases, caches, search engines, queues, and the Docker API: where data lives and a host can be had (A20).
//!
//! Default numbers are those of each product's own documentation.

use super::{
    Elsewhere::{No, Too},
    Kind,
    Nature::{self, Administration, Datastore},
};
use crate::port::Protocol::{self, Tcp, Udp};

pub(super) const KINDS: &[Kind] = &[
    store("Redis", &["redis-server", "redis-sentinel"], &[(6379, 6379, Tcp), (26379, 26379, Tcp)]),
    store("Valkey", &["valkey-server", "valkey-sentinel"], &[]),
    store("KeyDB", &["keydb-server"], &[]),
    store("Dragonfly", &["dragonfly"], &[]),
    store("memcached", &["memcached"], &[(11211, 11211, Tcp), (11211, 11211, Udp)]),
    store("MySQL", &["mysqld"], &[(3306, 3306, Tcp), (33060, 33060, Tcp)]),
    store("MariaDB", &["mariadbd"], &[]),
    store("PostgreSQL", &["postgres", "postmaster", "pgbouncer"], &[(5432, 5432, Tcp), (6432, 6432, Tcp)]),
    store("MongoDB", &["mongod", "mongos"], &[(27017, 27019, Tcp)]),
    store("Elasticsearch", &["elasticsearch"], &[(9200, 9200, Tcp), (9300, 9300, Tcp)]),
    store("OpenSearch", &["opensearch"], &[]),
    store("Solr", &["solr"], &[(8983, 8983, Tcp)]),
    store("Cassandra", &["cassandra", "scylla"], &[(9042, 9042, Tcp), (7000, 7000, Tcp), (9160, 9160, Tcp)]),
    store("CouchDB", &["couchdb"], &[(5984, 5984, Tcp)]),
    store("etcd", &["etcd"], &[(2379, 2380, Tcp)]),
    store("RabbitMQ", &["rabbitmq-server"], &[(5672, 5672, Tcp), (15672, 15672, Tcp), (25672, 25672, Tcp)]),
    store("Kafka", &["kafka"], &[(9092, 9092, Tcp)]),
    store("NATS", &["nats-server"], &[(4222, 4222, Tcp)]),
    store("InfluxDB", &["influxd", "influxdb3"], &[(8086, 8086, Tcp)]),
    store("ClickHouse", &["clickhouse", "clickhouse-server"], &[(8123, 8123, Tcp)]),
    store("ZooKeeper", &["zookeeper"], &[(2181, 2181, Tcp)]),
    store("Neo4j", &["neo4j"], &[(7474, 7474, Tcp), (7687, 7687, Tcp)]),
    store("ArangoDB", &["arangod"], &[(8529, 8529, Tcp)]),
    store("RethinkDB", &["rethinkdb"], &[(28015, 28015, Tcp)]),
    store("CockroachDB", &["cockroach"], &[(26257, 26257, Tcp)]),
    store("Microsoft SQL Server", &["sqlservr"], &[(1433, 1433, Tcp)]),
    store("Oracle Database", &["tnslsnr"], &[(1521, 1521, Tcp)]),
    store("Firebird", &["firebird", "fbserver"], &[(3050, 3050, Tcp)]),
    store("Meilisearch", &["meilisearch"], &[(7700, 7700, Tcp)]),
    store("Beanstalkd", &["beanstalkd"], &[(11300, 11300, Tcp)]),
    Kind {
        name: "Docker API",
        natures: &[Datastore, Administration],
        programs: &["dockerd"],
        ports: &[(2375, 2375, Tcp)],
        elsewhere: No,
    },
];

const NATURES: &[Nature] = &[Datastore];

const fn store(
    name: &'static str,
    programs: &'static [&'static str],
    ports: &'static [(u16, u16, Protocol)],
) -> Kind {
    Kind { name, natures: NATURES, programs, ports, elsewhere: Too }
}
